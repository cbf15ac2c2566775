use crate::failure::{Failure, Outcome};

/// Bytes of one file as a browser may load it.
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) plain: usize,
    pub(crate) brotli: usize,
}

/// Bytes on the wire, with brotli, that files together may take. Public pages load no script at all; `page.js` and
/// `boot.js` are what a signed-in page loads before its islands; a page that follows events adds `live.js`, a board
/// `board.js`.
const LIMITS: &[(&[&str], usize)] = &[
    (&["islands.wasm"], 150_000),
    (&["islands.js"], 8_000),
    (&["boot.js"], 1_000),
    (&["page.js"], 4_000),
    (&["live.js"], 4_000),
    (&["board.js"], 3_000),
    (&["public.css"], 30_000),
    (&["app.css"], 30_000),
    (&["geist.woff2", "geist-mono.woff2"], 60_000),
];

/// Prints what each file weighs, and refuses what is over its limit.
pub(crate) fn check(sizes: &[Size]) -> Outcome {
    println!("{:<24} {:>9} {:>9} {:>9}", "asset", "plain", "brotli", "limit");
    for size in sizes {
        let limit = LIMITS.iter().find(|(names, _)| *names == [size.name.as_str()]);
        let limit = limit.map_or_else(String::new, |(_, limit)| limit.to_string());
        println!("{:<24} {:>9} {:>9} {:>9}", size.name, size.plain, size.brotli, limit);
    }
    let over = over(sizes);
    if over.is_empty() { Ok(()) } else { Err(Failure::new(over.join("\n"))) }
}

fn over(sizes: &[Size]) -> Vec<String> {
    let weight = |names: &[&str]| -> usize {
        sizes.iter().filter(|size| names.contains(&size.name.as_str())).map(|size| size.brotli).sum()
    };
    let heavy =
        LIMITS.iter().map(|(names, limit)| (names, weight(names), limit)).filter(|(_, weight, limit)| weight > limit);
    heavy
        .map(|(names, weight, limit)| {
            format!("{} takes {weight} bytes with brotli, the limit is {limit}: make it smaller, or argue for more in xtask/src/assets/gate.rs.", names.join(" + "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(name: &str, brotli: usize) -> Size {
        Size { name: name.to_owned(), plain: brotli * 4, brotli }
    }

    #[test]
    fn a_file_over_its_limit_stops_the_build() {
        assert!(check(&[size("islands.wasm", 150_000), size("app.css", 30_000), size("shot.png", 900_000)]).is_ok());
        assert!(check(&[size("islands.wasm", 150_001)]).is_err());
        assert!(check(&[size("geist.woff2", 40_000), size("geist-mono.woff2", 30_000)]).is_err());
    }
}
