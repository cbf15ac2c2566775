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
    (&["islands.wasm", "islands.js"], 150_000),
    (&["islands.js"], 8_000),
    (&["boot.js", "page.js"], 5_000),
    (&["boot.js"], 1_000),
    (&["page.js"], 4_000),
    (&["live.js"], 4_000),
    (&["board.js"], 3_000),
    (&["public.css", "app.css"], 30_000),
    (&["geist.woff2", "geist-mono.woff2"], 60_000),
];

/// Prints what each file weighs, and refuses what is over its limit.
pub(crate) fn check(sizes: &[Size]) -> Outcome {
    println!("{:<24} {:>9} {:>9}", "asset", "plain", "brotli");
    for size in sizes {
        println!("{:<24} {:>9} {:>9}", size.name, size.plain, size.brotli);
    }
    println!("{:<34} {:>9} {:>9}", "limited together", "brotli", "limit");
    for (names, limit) in LIMITS {
        println!("{:<34} {:>9} {:>9}", names.join(" + "), weight(sizes, names), limit);
    }
    let complaints: Vec<String> = unlimited(sizes).into_iter().chain(over(sizes)).collect();
    if complaints.is_empty() { Ok(()) } else { Err(Failure::new(complaints.join("\n"))) }
}

fn weight(sizes: &[Size], names: &[&str]) -> usize {
    sizes.iter().filter(|size| names.contains(&size.name.as_str())).map(|size| size.brotli).sum()
}

/// Code and style that no limit counts would grow unseen.
fn unlimited(sizes: &[Size]) -> Vec<String> {
    let is_code = |name: &str| [".wasm", ".js", ".css"].iter().any(|kind| name.ends_with(kind));
    let counted = |name: &str| LIMITS.iter().any(|(names, _)| names.contains(&name));
    let found = sizes.iter().filter(|size| is_code(&size.name) && !counted(&size.name));
    found.map(|size| format!("{} has no limit: give it one in xtask/src/assets/gate.rs.", size.name)).collect()
}

fn over(sizes: &[Size]) -> Vec<String> {
    let heavy = LIMITS.iter().map(|(names, limit)| (names, weight(sizes, names), limit));
    heavy
        .filter(|(_, weight, limit)| weight > limit)
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

    /// Files that weigh so much together, the first of them most.
    fn together(names: &[&str], sum: usize) -> Vec<Size> {
        let rest: Vec<Size> = names[1..].iter().map(|name| size(name, 100)).collect();
        let first = size(names[0], sum - 100 * rest.len());
        std::iter::once(first).chain(rest).collect()
    }

    #[test]
    fn the_budget_is_the_one_that_was_promised() {
        let limit = |names: &[&str]| LIMITS.iter().find(|(known, _)| *known == names).map(|(_, limit)| *limit);
        assert_eq!(limit(&["islands.wasm", "islands.js"]), Some(150_000));
        assert_eq!(limit(&["public.css", "app.css"]), Some(30_000));
        assert_eq!(limit(&["boot.js", "page.js"]), Some(5_000));
    }

    #[test]
    fn one_byte_over_a_limit_stops_the_build() {
        for (names, limit) in LIMITS {
            assert_eq!(weight(&together(names, *limit), names), *limit);
            let failure = check(&together(names, limit + 1)).unwrap_err().to_string();
            let complaint = format!("{} takes {} bytes", names.join(" + "), limit + 1);
            assert!(failure.contains(&complaint), "{failure}");
        }
    }

    #[test]
    fn what_is_within_all_limits_passes() {
        let sizes = [
            size("islands.wasm", 142_000),
            size("islands.js", 8_000),
            size("boot.js", 1_000),
            size("page.js", 4_000),
            size("live.js", 4_000),
            size("board.js", 3_000),
            size("public.css", 10_000),
            size("app.css", 20_000),
            size("geist.woff2", 35_000),
            size("geist-mono.woff2", 25_000),
            size("shot.png", 900_000),
        ];
        check(&sizes).unwrap();
    }

    #[test]
    fn code_that_nothing_limits_stops_the_build() {
        for name in ["more.wasm", "more.js", "more.css"] {
            let failure = check(&[size(name, 1)]).unwrap_err().to_string();
            assert!(failure.contains(name), "{failure}");
        }
        check(&[size("picture.svg", 1), size("license.txt", 1)]).unwrap();
    }
}
