use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::meta::Meta;

/// What a listing asks for. Keys and common prefixes up to and including `after` are left out.
pub(crate) struct Query<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) after: &'a str,
    pub(crate) max: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) objects: Vec<Arc<Meta>>,
    pub(crate) prefixes: Vec<String>,
    /// The last key or common prefix, when there is more behind it.
    pub(crate) next: Option<String>,
}

pub(crate) fn page(objects: &BTreeMap<String, Arc<Meta>>, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    let mut last = "";
    let start = if query.after >= query.prefix { Bound::Excluded(query.after) } else { Bound::Included(query.prefix) };
    for (key, meta) in objects.range::<str, _>((start, Bound::Unbounded)) {
        if !key.starts_with(query.prefix) {
            break;
        }
        let rolled_up = common_prefix(key, query);
        let item = rolled_up.unwrap_or(key);
        if rolled_up.is_some() && (item <= query.after || item == last) {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == query.max {
            page.next = (query.max > 0).then(|| last.to_owned());
            break;
        }
        last = item;
        match rolled_up {
            Some(prefix) => page.prefixes.push(prefix.to_owned()),
            None => page.objects.push(Arc::clone(meta)),
        }
    }
    page
}

/// The key up to and including the first delimiter behind the prefix.
fn common_prefix<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = &key[query.prefix.len()..];
    rest.find(delimiter).map(|at| &key[..query.prefix.len() + at + delimiter.len()])
}

#[cfg(test)]
mod tests {
    use super::{super::meta::Headers, *};

    fn objects(keys: &[&str]) -> BTreeMap<String, Arc<Meta>> {
        let meta = |key: &str| Meta {
            key: key.into(),
            data: String::new(),
            size: 0,
            etag: String::new(),
            sha256: String::new(),
            modified: 0,
            headers: Headers::default(),
        };
        keys.iter().map(|key| ((*key).to_owned(), Arc::new(meta(key)))).collect()
    }

    fn show(page: &Page) -> (Vec<&str>, Vec<&str>, Option<&str>) {
        (
            page.objects.iter().map(|meta| meta.key.as_str()).collect(),
            page.prefixes.iter().map(String::as_str).collect(),
            page.next.as_deref(),
        )
    }

    #[test]
    fn keys_roll_up_at_the_delimiter() {
        let objects = objects(&["a", "b/1", "b/2/x", "b/2/y", "b/3", "c/1"]);
        let query = Query { prefix: "", delimiter: Some("/"), after: "", max: 1000 };
        assert_eq!(show(&page(&objects, &query)), (vec!["a"], vec!["b/", "c/"], None));
        let query = Query { prefix: "b/", ..query };
        assert_eq!(show(&page(&objects, &query)), (vec!["b/1", "b/3"], vec!["b/2/"], None));
        let query = Query { delimiter: None, ..query };
        assert_eq!(page(&objects, &query).objects.len(), 4);
    }

    #[test]
    fn pages_of_every_size_add_up_to_the_whole() {
        let objects = objects(&["a", "b/1", "b/2/x", "b/2/y", "b/3", "b0", "c/1"]);
        for (prefix, delimiter) in
            [("", None), ("", Some("/")), ("b", Some("/")), ("b/", Some("/")), ("b/", None), ("x", None)]
        {
            let whole = page(&objects, &Query { prefix, delimiter, after: "", max: 1000 });
            for max in 1..8 {
                let (mut sum, mut after) = (Page::default(), String::new());
                loop {
                    let part = page(&objects, &Query { prefix, delimiter, after: &after, max });
                    assert!(part.objects.len() + part.prefixes.len() <= max);
                    sum.objects.extend(part.objects);
                    sum.prefixes.extend(part.prefixes);
                    let Some(next) = part.next else { break };
                    after = next;
                }
                assert_eq!(sum, whole, "{prefix:?} {delimiter:?} by {max}");
            }
        }
    }

    #[test]
    fn nothing_is_asked_and_nothing_is_given() {
        let query = Query { prefix: "", delimiter: None, after: "", max: 0 };
        assert_eq!(page(&objects(&["a"]), &query), Page::default());
    }
}
