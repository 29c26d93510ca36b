//! What lies on the device, known by its content.
//!
//! Whatever is in use is there for everybody who asks for the same. What nobody uses any more is kept
//! while there is room for it, and the one that was not used for longest is given up first.

use lru::LruCache;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The name of a content.
pub(crate) type Digest = u128;

/// A thing of any kind.
type Thing = dyn Any + Send + Sync;

/// Things by their content. A store without a budget keeps nothing, and still shares what is in use.
pub(crate) struct Store {
    there: HashMap<Digest, Weak<Thing>>,
    /// Those that stay without being used, with their bytes.
    kept: LruCache<Digest, (Arc<Thing>, u64)>,
    bytes: u64,
    budget: u64,
}

impl Store {
    /// One that keeps at most so many bytes.
    pub(crate) fn with_budget(bytes: u64) -> Self {
        Self {
            there: HashMap::new(),
            kept: LruCache::unbounded(),
            bytes: 0,
            budget: bytes,
        }
    }

    /// What has this content, if it is there.
    pub(crate) fn get<T: Send + Sync + 'static>(&mut self, digest: Digest) -> Option<Arc<T>> {
        self.kept.promote(&digest);
        self.there.get(&digest)?.upgrade()?.downcast().ok()
    }

    /// Puts something there that takes so many bytes.
    pub(crate) fn put<T: Send + Sync + 'static>(
        &mut self,
        digest: Digest,
        value: T,
        bytes: u64,
    ) -> Arc<T> {
        let value = Arc::new(value);
        let thing: Arc<Thing> = value.clone();
        self.there.retain(|_, value| value.strong_count() > 0);
        self.there.insert(digest, Arc::downgrade(&thing));
        // What is larger than the budget would only drive out all others.
        if bytes <= self.budget {
            if let Some((_, before)) = self.kept.put(digest, (thing, bytes)) {
                self.bytes -= before;
            }
            self.bytes += bytes;
            while self.bytes > self.budget && self.give_up_oldest() {}
        }
        value
    }

    /// Gives up all that is kept; whether there was anything.
    pub(crate) fn give_up(&mut self) -> bool {
        self.bytes = 0;
        let any = !self.kept.is_empty();
        self.kept.clear();
        any
    }

    /// The bytes of what is kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn give_up_oldest(&mut self) -> bool {
        let oldest = self.kept.pop_lru();
        if let Some((_, (_, bytes))) = &oldest {
            self.bytes -= bytes;
        }
        oldest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_shared_without_a_budget() {
        let mut store = Store::with_budget(0);
        let first = store.put(1, "one", 8);
        assert!(Arc::ptr_eq(&first, &store.get::<&str>(1).unwrap()));
        assert!(store.get::<&str>(2).is_none());
        assert!(store.get::<u64>(1).is_none(), "it is of another kind");
        drop(first);
        assert!(store.get::<&str>(1).is_none(), "nobody uses it");
        assert!(!store.give_up() && store.bytes() == 0);
        // Names of what is gone do not pile up.
        for digest in 0..100 {
            store.put(digest, "gone", 8);
        }
        assert_eq!(store.there.len(), 1);
    }

    #[test]
    fn the_budget_keeps_those_used_last() {
        let mut store = Store::with_budget(20);
        for digest in [1, 2] {
            store.put(digest, "kept", 8);
        }
        assert!(store.get::<&str>(1).is_some());
        store.put(3, "kept", 8);
        assert!(store.get::<&str>(2).is_none(), "it was used least");
        assert!(store.get::<&str>(1).is_some() && store.get::<&str>(3).is_some());
        assert_eq!(store.bytes(), 16);
        // One that is too large leaves the others where they are.
        let large = store.put(4, "large", 21);
        assert!(store.get::<&str>(4).is_some());
        drop(large);
        assert!(store.get::<&str>(4).is_none() && store.get::<&str>(1).is_some());
        // The same again, of another size, counts once.
        store.put(1, "again", 4);
        assert_eq!(store.bytes(), 12);
    }

    #[test]
    fn what_is_given_up_stays_with_those_who_use_it() {
        let mut store = Store::with_budget(20);
        let used = store.put(1, "used", 8);
        store.put(2, "idle", 8);
        assert!(store.give_up());
        assert_eq!(store.bytes(), 0);
        assert!(store.get::<&str>(2).is_none());
        assert!(Arc::ptr_eq(&used, &store.get::<&str>(1).unwrap()));
    }
}
