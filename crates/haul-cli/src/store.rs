//! Clouds that several comparisons use: each is read once and kept as long as there is room; the least recently used
//! one is evicted first.
//!
//! A file is identified by its path, length and time, and by those of the files that it names, so that a changed file is
//! read again and an unchanged one is not, but for what it names. A cloud is identified by its content and the names of its coordinates: files with equal clouds share
//! one, whatever their own names and formats.

use crate::input::{self, Cloud, Digest, Input};
use crate::options::Treatment;
use anyhow::Result;
use haul_files::Placement;
use lru::LruCache;
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The clouds in memory; any thread may request them.
pub(crate) struct Store {
    /// The most bytes of kept clouds, besides those in use.
    budget: usize,
    kept: Mutex<Kept>,
}

struct Kept {
    files: LruCache<Key, Entry>,
    contents: HashMap<Identity, Content>,
    /// The sum of the bytes of the contents.
    bytes: usize,
}

#[derive(Default)]
struct Entry {
    slot: Arc<Slot>,
    /// `None` while it is being read.
    content: Option<Identity>,
}

/// What a cloud holds, what its coordinates are called, and where its cells lie in space.
type Identity = (Digest, Option<Vec<String>>, Option<Placement>);

/// A measure that files share.
struct Content {
    cloud: Arc<Cloud>,
    /// Number of these files; the content is kept while there is one.
    files: usize,
}

/// A cloud, after it has been read.
type Slot = Mutex<Option<Arc<Cloud>>>;

/// The key of a measure: its files, their state, and how they were read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    points: Version,
    /// The files beside it that it names.
    beside: Vec<Version>,
    weights: Option<Version>,
    mask: Option<Version>,
    treatment: Treatment,
    moved: bool,
}

/// The state of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Version {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Store {
    pub(crate) fn with_budget(bytes: usize) -> Self {
        Self {
            budget: bytes,
            kept: Mutex::new(Kept {
                files: LruCache::unbounded(),
                contents: HashMap::new(),
                bytes: 0,
            }),
        }
    }

    /// The measure of a file, shared with every other file of the same content. Waits if another thread is reading
    /// it.
    ///
    /// # Errors
    ///
    /// Those of [`input::read`].
    pub(crate) fn get(&self, input: Input<'_>) -> Result<Arc<Cloud>> {
        let Some(key) = Key::of(input) else {
            // A file without metadata is probably missing, and one that names no files malformed: the error of reading says so.
            return Ok(Arc::new(input::read(input)?));
        };
        let slot = {
            let mut kept = lock(&self.kept);
            let entry = kept.files.get_or_insert(key.clone(), Entry::default);
            entry.slot.clone()
        };
        let mut place = lock(&slot);
        if let Some(cloud) = &*place {
            return Ok(cloud.clone());
        }
        let cloud = input::read(input)?;
        let identity = (cloud.digest(), cloud.names.clone(), cloud.placement);
        let cloud = self.kept(&key, &slot, identity, cloud);
        Ok(place.insert(cloud).clone())
    }

    /// Keeps the content of a file, unless another file has the same, and evicts others if the budget requires it.
    fn kept(&self, key: &Key, slot: &Arc<Slot>, identity: Identity, cloud: Cloud) -> Arc<Cloud> {
        let mut kept = lock(&self.kept);
        let kept = &mut *kept;
        match kept.files.peek_mut(key) {
            Some(entry) if Arc::ptr_eq(&entry.slot, slot) => {
                entry.content = Some(identity.clone());
            }
            // Already evicted.
            _ => return Arc::new(cloud),
        }
        let bytes = cloud.bytes();
        let content = match kept.contents.entry(identity) {
            Occupied(held) => held.into_mut(),
            Vacant(place) => {
                kept.bytes += bytes;
                place.insert(Content {
                    cloud: Arc::new(cloud),
                    files: 0,
                })
            }
        };
        content.files += 1;
        let cloud = content.cloud.clone();
        while kept.bytes > self.budget && kept.give_up_oldest() {}
        cloud
    }
}

impl Kept {
    /// Evicts the least recently used file, and its content if that was its last file; returns whether there was one.
    fn give_up_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.files.pop_lru() else {
            return false;
        };
        if let Some(identity) = oldest.content
            && let Occupied(mut held) = self.contents.entry(identity)
        {
            held.get_mut().files -= 1;
            if held.get().files == 0 {
                self.bytes -= held.remove().cloud.bytes();
            }
        }
        true
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Key {
    fn of(input: Input<'_>) -> Option<Self> {
        let version = |path: Option<&Path>| match path {
            Some(path) => Version::of(path).map(Some),
            None => Some(None),
        };
        let beside = input.beside().ok()?;
        Some(Self {
            points: Version::of(input.points)?,
            beside: beside
                .iter()
                .map(|path| Version::of(path))
                .collect::<Option<_>>()?,
            weights: version(input.weights)?,
            mask: version(input.treatment.mask.as_deref())?,
            treatment: input.treatment.clone(),
            moved: input.moved,
        })
    }
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let metadata = haul_files::file_of(path).metadata().ok()?;
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
    use crate::options::Reduction;
    use std::fs;
    use std::time::Duration;

    /// A folder with files of one point each, and their paths.
    fn files(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = names.iter().map(|name| folder.path().join(name));
        let paths: Vec<_> = paths.collect();
        for (value, path) in paths.iter().enumerate() {
            fs::write(path, format!("{value},0,0\n")).unwrap();
        }
        (folder, paths)
    }

    static PLAIN: Treatment = Treatment::PLAIN;

    fn input(points: &Path) -> Input<'_> {
        Input {
            points,
            weights: None,
            treatment: &PLAIN,
            moved: false,
        }
    }

    /// Three coordinates and a weight.
    const ONE_POINT: usize = 32;

    #[test]
    fn a_cloud_is_read_once_by_however_many() {
        let (_folder, paths) = files(&["a.csv"]);
        let clouds = Store::with_budget(ONE_POINT);
        let get = || clouds.get(input(&paths[0])).unwrap();
        let first = get();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(Arc::ptr_eq(&first, &get())));
            }
        });
        // A different way to read it may give the same measure, but needs the file.
        fs::write(&paths[0], "0,0,0\n4,0,0\n").unwrap();
        let all = clouds.get(input(&paths[0])).unwrap();
        let moved = Input {
            treatment: &Treatment {
                reduction: Reduction::of(1),
                ..PLAIN.clone()
            },
            ..input(&paths[0])
        };
        assert_eq!((all.len(), clouds.get(moved).unwrap().len()), (2, 1));
        let flat = Input {
            treatment: &Treatment {
                columns: vec!["1".into(), "3".into()],
                ..PLAIN.clone()
            },
            ..input(&paths[0])
        };
        assert_eq!(clouds.get(flat).unwrap().measure.dimension(), 2);
    }

    #[test]
    fn files_of_one_content_share_a_cloud() {
        let (folder, paths) = files(&["a.csv", "b.csv"]);
        let clouds = Store::with_budget(2 * ONE_POINT);
        let get = |path: &Path| clouds.get(input(path)).unwrap();
        let a = get(&paths[0]);
        for (name, text) in [("copy.csv", "0,0,0\n"), ("other.xyz", "0 0 0\n")] {
            fs::write(folder.path().join(name), text).unwrap();
            assert!(Arc::ptr_eq(&a, &get(&folder.path().join(name))), "{name}");
        }
        assert_eq!(lock(&clouds.kept).bytes, ONE_POINT);
        let b = get(&paths[1]);
        assert!(!Arc::ptr_eq(&a, &b));
        // While one of its names is used, a cloud stays.
        get(&paths[0]);
        let third = folder.path().join("third.csv");
        fs::write(&third, "7,0,0\n").unwrap();
        get(&third);
        assert!(Arc::ptr_eq(&a, &get(&paths[0])));
        assert!(!Arc::ptr_eq(&b, &get(&paths[1])), "b had no other name");
        assert_eq!(lock(&clouds.kept).bytes, 2 * ONE_POINT);
        // A cloud of another dimension or with other weights is different.
        let flat = folder.path().join("flat.csv");
        fs::write(&flat, "0\n0\n0\n").unwrap();
        assert!(!Arc::ptr_eq(&a, &get(&flat)));
    }

    #[test]
    fn a_file_that_has_changed_is_read_again() {
        let (_folder, paths) = files(&["a.csv"]);
        let clouds = Store::with_budget(1 << 20);
        let first = clouds.get(input(&paths[0])).unwrap();
        // With the same length, at another time.
        let later = SystemTime::now() + Duration::from_secs(2);
        fs::write(&paths[0], "7,0,0\n").unwrap();
        let file = fs::File::options().append(true).open(&paths[0]).unwrap();
        file.set_modified(later).unwrap();
        let second = clouds.get(input(&paths[0])).unwrap();
        assert_eq!((first.points()[0], second.points()[0]), (0.0, 7.0));
        fs::remove_file(&paths[0]).unwrap();
        assert!(clouds.get(input(&paths[0])).is_err());
    }

    #[cfg(feature = "gltf")]
    #[test]
    fn a_file_whose_numbers_beside_it_have_changed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let scene = r#"{"asset":{"version":"2.0"},"buffers":[{"byteLength":36,"uri":"a.bin"}],
            "bufferViews":[{"buffer":0,"byteLength":36}],"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],
            "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}]}"#;
        let path = folder.path().join("a.gltf");
        fs::write(&path, scene).unwrap();
        let numbers = |x: f32| {
            let corners = [x, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
            let bytes: Vec<u8> = corners.into_iter().flat_map(f32::to_le_bytes).collect();
            fs::write(folder.path().join("a.bin"), bytes).unwrap();
        };
        let clouds = Store::with_budget(1 << 20);
        numbers(0.0);
        let first = clouds.get(input(&path)).unwrap();
        assert!(Arc::ptr_eq(&first, &clouds.get(input(&path)).unwrap()));
        numbers(-7.0);
        let later = SystemTime::now() + Duration::from_secs(2);
        let beside = folder.path().join("a.bin");
        let file = fs::File::options().append(true).open(&beside).unwrap();
        file.set_modified(later).unwrap();
        let second = clouds.get(input(&path)).unwrap();
        assert_eq!((first.points()[0], second.points()[0]), (0.0, -7.0));
        fs::remove_file(&beside).unwrap();
        let told = clouds.get(input(&path)).err().unwrap().to_string();
        assert!(told.contains("a.bin"), "{told}");
    }

    #[test]
    fn the_budget_keeps_those_used_last() {
        let (_folder, paths) = files(&["a.csv", "b.csv", "c.csv"]);
        let clouds = Store::with_budget(2 * ONE_POINT);
        let get = |index: usize| clouds.get(input(&paths[index])).unwrap();
        let (a, b) = (get(0), get(1));
        assert!(Arc::ptr_eq(&a, &get(0)));
        let c = get(2);
        assert!(Arc::ptr_eq(&a, &get(0)) && Arc::ptr_eq(&c, &get(2)));
        assert!(!Arc::ptr_eq(&b, &get(1)), "b was used least");
        assert_eq!(lock(&clouds.kept).bytes, 2 * ONE_POINT);
        // Without a budget nothing is kept.
        let none = Store::with_budget(0);
        let get = || none.get(input(&paths[0])).unwrap();
        assert!(!Arc::ptr_eq(&get(), &get()));
    }
}
