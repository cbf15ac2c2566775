use std::path::Path;

use lightningcss::{
    bundler::{Bundler, FileProvider},
    printer::PrinterOptions,
    stylesheet::{MinifyOptions, ParserOptions},
    targets::{Browsers, Features, Targets},
};

use super::site::Site;
use crate::failure::{Doing, Outcome};

/// Joins a sheet and what it imports, shrinks it, and names the fonts and pictures it loads as the site does.
pub(crate) fn bundle(entry: &Path, site: &Site) -> Outcome<Vec<u8>> {
    let what = || format!("Cannot bundle {}", entry.display());
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = bundler.bundle(entry).doing(what)?;
    sheet.minify(MinifyOptions { targets: targets(), ..MinifyOptions::default() }).doing(what)?;
    let options = PrinterOptions { minify: true, targets: targets(), ..PrinterOptions::default() };
    let css = sheet.to_css(options).doing(what)?.code;
    hashed_urls(&css, site).doing(what).map(String::into_bytes)
}

/// The oldest browsers with everything the sheets use.
fn targets() -> Targets {
    let version = |major: u32, minor: u32| Some(major << 16 | minor << 8);
    let browsers = Browsers {
        chrome: version(123, 0),
        edge: version(123, 0),
        firefox: version(128, 0),
        safari: version(17, 5),
        ios_saf: version(17, 5),
        ..Browsers::default()
    };
    // Each of them reads these itself; a rewrite would break the theme, which the page sets on its root.
    Targets { browsers: Some(browsers), exclude: Features::LightDark | Features::Nesting, ..Targets::default() }
}

/// Replaces `url(font.woff2)` by its name in the site; an unknown name is an error, not a dead link.
fn hashed_urls(css: &str, site: &Site) -> Result<String, String> {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(at) = rest.find("url(") {
        let (before, after) = rest.split_at(at + "url(".len());
        out.push_str(before);
        let end = after.find(')').ok_or("an address without an end")?;
        let address = after[..end].trim_matches(['"', '\'']);
        if address.starts_with("data:") || address.starts_with('#') {
            out.push_str(&after[..end]);
        } else {
            let name = address.rsplit('/').next().unwrap_or(address);
            out.push_str(site.hashed(name).ok_or_else(|| format!("style/static holds no {name}"))?);
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bundled(css: &str) -> Outcome<String> {
        let folder = tempfile::tempdir().unwrap();
        let entry = folder.path().join("app.css");
        fs::write(folder.path().join("part.css"), "a { color: red; &:hover { color: blue } }").unwrap();
        fs::write(&entry, css).unwrap();
        let mut site = Site::default();
        site.add("geist.woff2", b"font".to_vec());
        bundle(&entry, &site).map(|css| String::from_utf8(css).unwrap())
    }

    #[test]
    fn themes_and_nesting_stay_as_written() {
        let css = bundled(
            ":root { --text: light-dark(#1c2024, #edeef0); color: light-dark(#fff, #000) } .a { .b { top: 0 } }",
        )
        .unwrap();
        assert!(css.contains("--text:light-dark(#1c2024,#edeef0)"), "{css}");
        assert!(css.contains("color:light-dark(#fff,#000)"), "{css}");
        assert!(!css.contains("--lightningcss"), "{css}");
        assert!(css.contains(".a{"), "{css}");
    }

    #[test]
    fn imports_land_in_their_layer() {
        let css = bundled("@layer base, components; @import url(\"part.css\") layer(components);").unwrap();
        assert!(css.contains("@layer components{a{color:red"), "{css}");
        assert!(css.find("@layer base") < css.find("@layer components"), "{css}");
    }

    #[test]
    fn fonts_get_their_hashed_name_and_unknown_files_are_refused() {
        let css =
            bundled("@font-face { font-family: G; src: url(\"../static/geist.woff2\") format(\"woff2\") }").unwrap();
        assert!(css.contains("geist.") && !css.contains("geist.woff2"), "{css}");
        assert!(bundled("a { background: url(missing.png) }").is_err());
        assert!(bundled("a { background: url(\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\") }").is_ok());
    }
}
