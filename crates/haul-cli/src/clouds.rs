//! Clouds that several comparisons use: read once, kept as long as there is room, the one that was
//! not used for longest given up first. A file that has changed since is read again.

use crate::input::{self, Given, Side};
use crate::reduce::Reduction;
use anyhow::Result;
use lru::LruCache;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The clouds in memory; any number of threads may ask for them.
pub(crate) struct Clouds {
    /// The most bytes of those that are kept, beside those in use.
    budget: usize,
    kept: Mutex<Kept>,
}

struct Kept {
    clouds: LruCache<Key, Entry>,
    /// The sum of those of the entries.
    bytes: usize,
}

#[derive(Default)]
struct Entry {
    cloud: Arc<Cloud>,
    /// None yet while somebody reads it.
    bytes: usize,
}

/// A cloud, once it has been read.
type Cloud = Mutex<Option<Arc<Given>>>;

/// What makes a measure: the files, as they were, and how they were read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    points: Version,
    weights: Option<Version>,
    normalize: bool,
    reduction: Reduction,
    moved: bool,
}

/// A file at one time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Version {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Clouds {
    pub(crate) fn with_budget(bytes: usize) -> Self {
        Self {
            budget: bytes,
            kept: Mutex::new(Kept {
                clouds: LruCache::unbounded(),
                bytes: 0,
            }),
        }
    }

    /// The measure of a file; whoever asks while another reads it waits.
    ///
    /// # Errors
    ///
    /// Those of [`input::given`].
    pub(crate) fn get(&self, side: Side<'_>) -> Result<Arc<Given>> {
        let Some(key) = Key::of(side) else {
            // What has no metadata is most likely not there: reading says so.
            return Ok(Arc::new(input::given(side)?));
        };
        let cloud = {
            let mut kept = lock(&self.kept);
            let entry = kept.clouds.get_or_insert(key.clone(), Entry::default);
            entry.cloud.clone()
        };
        let given = {
            let mut place = lock(&cloud);
            if let Some(given) = &*place {
                return Ok(given.clone());
            }
            let given = Arc::new(input::given(side)?);
            place.insert(given).clone()
        };
        self.account(&key, &cloud, &given);
        Ok(given)
    }

    /// Counts a measure that has been read, and gives up others where the budget asks for it.
    fn account(&self, key: &Key, cloud: &Arc<Cloud>, given: &Given) {
        let mut kept = lock(&self.kept);
        let bytes = given.bytes();
        match kept.clouds.peek_mut(key) {
            Some(entry) if Arc::ptr_eq(&entry.cloud, cloud) => entry.bytes = bytes,
            // Given up already.
            _ => return,
        }
        kept.bytes += bytes;
        while kept.bytes > self.budget {
            let Some((_, oldest)) = kept.clouds.pop_lru() else {
                return;
            };
            kept.bytes -= oldest.bytes;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Key {
    fn of(side: Side<'_>) -> Option<Self> {
        Some(Self {
            points: Version::of(side.points)?,
            weights: match side.weights {
                Some(path) => Some(Version::of(path)?),
                None => None,
            },
            normalize: side.normalize,
            reduction: side.reduction.clone(),
            moved: side.moved,
        })
    }
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self {
            path: path.to_owned(),
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with files of one point each, and how each is asked for.
    fn files(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = names.iter().map(|name| folder.path().join(name));
        let paths: Vec<_> = paths.collect();
        for (value, path) in paths.iter().enumerate() {
            fs::write(path, format!("{value},0,0\n")).unwrap();
        }
        (folder, paths)
    }

    fn side(points: &Path) -> Side<'_> {
        Side {
            points,
            weights: None,
            normalize: false,
            reduction: &Reduction::NONE,
            moved: false,
        }
    }

    /// Three coordinates and a weight.
    const ONE_POINT: usize = 32;

    #[test]
    fn a_cloud_is_read_once_by_however_many() {
        let (_folder, paths) = files(&["a.csv"]);
        let clouds = Clouds::with_budget(ONE_POINT);
        let get = || clouds.get(side(&paths[0])).unwrap();
        let first = get();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(Arc::ptr_eq(&first, &get())));
            }
        });
        // Another way to read it is another measure.
        let normalized = Side {
            normalize: true,
            ..side(&paths[0])
        };
        assert!(!Arc::ptr_eq(&first, &clouds.get(normalized).unwrap()));
    }

    #[test]
    fn a_file_that_has_changed_is_read_again() {
        let (_folder, paths) = files(&["a.csv"]);
        let clouds = Clouds::with_budget(1 << 20);
        let first = clouds.get(side(&paths[0])).unwrap();
        fs::write(&paths[0], "17,0,0\n").unwrap();
        let second = clouds.get(side(&paths[0])).unwrap();
        assert_eq!((first.points()[0], second.points()[0]), (0.0, 17.0));
        fs::remove_file(&paths[0]).unwrap();
        assert!(clouds.get(side(&paths[0])).is_err());
    }

    #[test]
    fn the_budget_keeps_those_used_last() {
        let (_folder, paths) = files(&["a.csv", "b.csv", "c.csv"]);
        let clouds = Clouds::with_budget(2 * ONE_POINT);
        let get = |index: usize| clouds.get(side(&paths[index])).unwrap();
        let (a, b) = (get(0), get(1));
        assert!(Arc::ptr_eq(&a, &get(0)));
        let c = get(2);
        assert!(Arc::ptr_eq(&a, &get(0)) && Arc::ptr_eq(&c, &get(2)));
        assert!(!Arc::ptr_eq(&b, &get(1)), "b was used least");
        assert_eq!(lock(&clouds.kept).bytes, 2 * ONE_POINT);
        // And nothing is kept where there is no room.
        let none = Clouds::with_budget(0);
        let get = || none.get(side(&paths[0])).unwrap();
        assert!(!Arc::ptr_eq(&get(), &get()));
    }
}
