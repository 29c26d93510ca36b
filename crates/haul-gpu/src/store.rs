//! Arrays on the device, by their content.
//!
//! Equal arrays in use are shared. Unused ones are kept while there is room, and the least recently used is dropped first.

use lru::LruCache;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Hash of a content.
pub(crate) type Digest = u128;

/// An entry of any type.
type Thing = dyn Any + Send + Sync;

/// Entries by their content. A store without a budget keeps no unused entries, but still shares those in use.
pub(crate) struct Store {
    there: HashMap<Digest, Weak<Thing>>,
    /// Entries kept even if unused, with their bytes.
    kept: LruCache<Digest, (Arc<Thing>, u64)>,
    bytes: u64,
    budget: u64,
}

impl Store {
    /// A store that keeps at most this many bytes.
    pub(crate) fn with_budget(bytes: u64) -> Self {
        Self {
            there: HashMap::new(),
            kept: LruCache::unbounded(),
            bytes: 0,
            budget: bytes,
        }
    }

    /// The entry with this content, if any.
    pub(crate) fn get<T: Send + Sync + 'static>(&mut self, digest: Digest) -> Option<Arc<T>> {
        self.kept.promote(&digest);
        self.there.get(&digest)?.upgrade()?.downcast().ok()
    }

    /// Adds an entry of this many bytes.
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
        // An entry larger than the budget would only evict all others.
        if bytes <= self.budget {
            if let Some((_, before)) = self.kept.put(digest, (thing, bytes)) {
                self.bytes -= before;
            }
            self.bytes += bytes;
            while self.bytes > self.budget && self.give_up_oldest() {}
        }
        value
    }

    /// Drops all kept entries; returns whether there were any.
    pub(crate) fn give_up(&mut self) -> bool {
        self.bytes = 0;
        let any = !self.kept.is_empty();
        self.kept.clear();
        any
    }

    /// Bytes of the kept entries.
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
        // Hashes of dropped entries do not pile up.
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
        // An entry that is too large leaves the others in place.
        let large = store.put(4, "large", 21);
        assert!(store.get::<&str>(4).is_some());
        drop(large);
        assert!(store.get::<&str>(4).is_none() && store.get::<&str>(1).is_some());
        // The same content again, of another size, counts once.
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
