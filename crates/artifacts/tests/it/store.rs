use artifacts::{Store, StoreError};

use crate::server::{SECRET, Server};

pub(crate) async fn objects_come_back_as_they_were_put(server: Server) {
    let store = server.store().await;
    store.ensure_bucket().await.unwrap();
    store.check().await.unwrap();
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let keys = ["plain", "with space/ü", "+&=?#", "..%2f", "../../etc/passwd", "a//b"];
    // The other one keeps objects under their keys, as files, and refuses those that would leave their folder.
    for key in if server.ours { &keys[..] } else { &keys[..4] } {
        store.put(key, "application/x-test", bytes.clone()).await.unwrap();
        let found = store.get(key).await.unwrap();
        assert_eq!(found.entry.content_type.as_deref(), Some("application/x-test"));
        assert_eq!(found.entry.size, bytes.len() as u64);
        assert!(found.entry.modified.is_some());
        assert_eq!(found.body.collect().await.unwrap().into_bytes(), bytes, "{key}");
    }
    store.put("empty", "text/plain", Vec::new()).await.unwrap();
    assert!(store.get("empty").await.unwrap().body.collect().await.unwrap().into_bytes().is_empty());
    store.delete("plain").await.unwrap();
    store.delete("plain").await.unwrap();
    assert!(matches!(store.get("plain").await, Err(StoreError::NotFound)));
    assert!(matches!(store.head("plain").await, Err(StoreError::NotFound)));
}

pub(crate) async fn listings_go_on_where_they_stopped(server: Server) {
    let store = server.store().await;
    for number in 0..7 {
        store.put(&format!("run/{number}"), "text/plain", b"x".to_vec()).await.unwrap();
    }
    store.put("other", "text/plain", b"x".to_vec()).await.unwrap();
    let page = store.list("run/", None).await.unwrap();
    assert_eq!(page.entries.len(), 7);
    assert!(page.entries.is_sorted_by_key(|entry| entry.key.clone()));
    assert_eq!(page.next, None);
}

pub(crate) async fn a_check_names_the_step_that_fails(server: Server) {
    let none = Store::new(&server.settings(SECRET)).check().await.unwrap_err();
    assert_eq!(none.step, "reaching the bucket");
    let denied = Store::new(&server.settings("wrong")).check().await.unwrap_err();
    assert!(matches!(denied.error, StoreError::Denied(_)), "{denied}");
}
