use leptos::prelude::*;

/// A small table whose rows become cards on narrow screens; the first cell of a row is its header.
///
/// The roles are written out because `display: block` takes them away from a table in some browsers.
pub(crate) fn fact_table(caption: &'static str, heads: &'static [&'static str], rows: Vec<Vec<AnyView>>) -> AnyView {
    let columns = heads.iter().map(|head| view! { <th role="columnheader" scope="col">{*head}</th> }).collect_view();
    let rows = rows.into_iter().map(|cells| row(heads, cells)).collect_view();
    view! {
        <div class="table-box">
            <table class="table" data-stack=true role="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead role="rowgroup"><tr role="row">{columns}</tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(heads: &'static [&'static str], cells: Vec<AnyView>) -> AnyView {
    let cells = cells.into_iter().zip(heads).enumerate().map(|(index, (cell, head))| match index {
        0 => view! { <th role="rowheader" scope="row">{cell}</th> }.into_any(),
        _ => view! { <td role="cell" data-label=*head><span>{cell}</span></td> }.into_any(),
    });
    view! { <tr role="row">{cells.collect_view()}</tr> }.into_any()
}
