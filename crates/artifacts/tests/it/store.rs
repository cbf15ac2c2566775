use artifacts::{Store, StoreError, embedded::Limits};

use crate::endpoint::{Endpoint, LIMITS, SECRET};

#[tokio::test]
async fn objects_come_back_as_they_were_put() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    store.ensure_bucket().await.unwrap();
    store.check().await.unwrap();
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    for key in ["plain", "with space/ü/..%2f", "../../etc/passwd", "a//b", "+&=?#"] {
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

#[tokio::test]
async fn listings_go_on_where_they_stopped() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    for number in 0..7 {
        store.put(&format!("run/{number}"), "text/plain", b"x".to_vec()).await.unwrap();
    }
    store.put("other", "text/plain", b"x".to_vec()).await.unwrap();
    let page = store.list("run/", None).await.unwrap();
    assert_eq!(page.entries.len(), 7);
    assert!(page.entries.is_sorted_by_key(|entry| entry.key.clone()));
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn a_check_names_the_step_that_fails() {
    let endpoint = Endpoint::start().await;
    let none = Store::new(&endpoint.settings(SECRET)).check().await.unwrap_err();
    assert_eq!(none.step, "reaching the bucket");
    let denied = Store::new(&endpoint.settings("wrong")).check().await.unwrap_err();
    assert!(matches!(denied.error, StoreError::Denied(_)), "{denied}");
    let settings = endpoint.settings(SECRET);
    endpoint.stop().await;
    let gone = Store::new(&settings).check().await.unwrap_err();
    assert!(matches!(gone.error, StoreError::Unreachable(_)), "{gone}");
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_writes_and_still_reads() {
    let endpoint = Endpoint::start().await;
    endpoint.store().await.put("a", "text/plain", b"hello".to_vec()).await.unwrap();
    let folder = endpoint.stop().await;
    let limits = Limits { min_free_bytes: 1 << 62, ..LIMITS };
    let endpoint = Endpoint::start_in(folder, limits).await;
    let store = endpoint.store().await;
    assert!(matches!(store.put("b", "text/plain", b"x".to_vec()).await, Err(StoreError::Full)));
    assert_eq!(store.check().await.unwrap_err().step, "writing a test object");
    assert_eq!(store.get("a").await.unwrap().body.collect().await.unwrap().into_bytes(), "hello");
}
