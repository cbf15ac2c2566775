mod parts;
mod work;

use leptos::prelude::*;
use time::macros::datetime;
use types::PermissionSet;

use crate::{
    appearance::Appearance,
    components::{breadcrumb::Crumb, section::page_head},
    layout::{
        shell::{self, Section, Shell},
        theme_form::theme_form,
    },
};

/// Some components that are looked at together.
struct Part {
    title: &'static str,
    /// Their modules below `components`.
    shows: &'static [&'static str],
    view: AnyView,
}

impl Part {
    const fn new(title: &'static str, shows: &'static [&'static str], view: AnyView) -> Self {
        Self { title, shows, view }
    }
}

/// Every component in its states. Development servers only.
#[must_use]
pub fn page(appearance: Appearance) -> String {
    let shell = &visitor(appearance);
    let items = all(shell).into_iter().map(|part| {
        let id = format!("part-{}", part.title.to_lowercase().replace(' ', "-"));
        let heading = id.clone();
        view! {
            <section class="gallery__item" aria-labelledby=heading>
                <header><h2 id=id>{part.title}</h2><code>{part.shows.join(", ")}</code></header>
                <div class="pile">{part.view}</div>
            </section>
        }
    });
    let main = view! {
        {page_head("Components", "Every component in its states, for those who build the pages.", None)}
        <div class="gallery">{items.collect_view()}</div>
    };
    shell::page(shell, "Components", false, main.into_any())
}

fn all(shell: &Shell) -> Vec<Part> {
    // The shell around the page shows the way to it.
    let mut all = vec![Part::new("Theme", &["breadcrumb"], theme_form(shell.appearance, &shell.path))];
    all.extend(parts::parts(shell));
    all.extend(work::parts(shell));
    all
}

/// Nobody in particular: the components are what is looked at.
fn visitor(appearance: Appearance) -> Shell {
    Shell {
        team: None,
        teams: Vec::new(),
        user_name: "Mira Okafor".to_owned(),
        user_email: "mira@quayside.example".to_owned(),
        role: String::new(),
        permissions: PermissionSet::NONE,
        section: Section::Other,
        crumbs: vec![Crumb::new("Components", "/gallery")],
        appearance,
        banners: Vec::new(),
        flash: None,
        path: "/gallery".to_owned(),
        commands: Vec::new(),
        needs: 0,
        now: datetime!(2026-11-19 14:32 UTC),
        budget_step: 0,
        outbox: None,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::components::{icon::Icon, status::State};

    #[test]
    fn the_gallery_shows_every_state_and_icon() {
        let html = page(Appearance::default());
        for state in State::ALL {
            assert!(html.contains(&crate::document::fragment(false, state.view())), "{state:?}");
        }
        assert!(html.matches("<svg").count() > Icon::ALL.len());
    }

    /// Modules of `components` that draw nothing.
    const SILENT: &[&str] = &["mod", "escape"];

    #[test]
    fn every_component_has_its_place() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/components");
        let files = fs::read_dir(folder).expect("the components").map(|entry| entry.expect("a file").path());
        let stems = files.map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned());
        let there: BTreeSet<String> = stems.filter(|name| !SILENT.contains(&name.as_str())).collect();
        let parts = all(&visitor(Appearance::default()));
        let shown: BTreeSet<String> = parts.iter().flat_map(|part| part.shows).map(|name| (*name).to_owned()).collect();
        assert_eq!(shown, there);
        let sources = [include_str!("mod.rs"), include_str!("parts.rs"), include_str!("work.rs")].concat();
        for name in there {
            assert!(sources.contains(&format!("{name}::")), "{name} is named but not drawn");
        }
    }
}
