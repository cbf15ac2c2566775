use std::{collections::BTreeSet, sync::Arc};

use hydration_context::{SharedContext, SsrSharedContext};
use leptos::prelude::*;

use crate::{Palette, palette::PaletteProps};

/// The `data-component` of each island as this build renders it. The glue must export exactly these names: they
/// follow from an island's source, so a site made from another source leaves islands asleep.
#[must_use]
pub fn component_names() -> BTreeSet<String> {
    let context: Arc<dyn SharedContext + Send + Sync> = Arc::new(SsrSharedContext::new_islands());
    let owner = Owner::new_root(Some(context));
    let html = owner.with(|| {
        let palette = PaletteProps::builder().commands(Vec::new()).search_url(String::new()).search_page(String::new());
        Palette(palette.build()).into_view().to_html()
    });
    owner.unset_with_forced_cleanup();
    html.split("data-component=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::component_names;

    #[test]
    fn each_island_has_a_name() {
        let names: Vec<_> = component_names().into_iter().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(names[0].starts_with("Palette_"), "{names:?}");
    }
}
