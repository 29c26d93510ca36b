//! Choice of the fastest variant of a kernel: a guess for small passes, a measurement for large ones.
//!
//! The best way to fetch columns depends on the adapter, the dimension and the operator, and no table of adapters would be
//! complete. The first pass large enough to repay it has all variants of its kernel measured on a part of its work, at the next
//! wait for the device. The choice is kept for the process, for all engines on the same adapter. Until then passes use the
//! guess. Small passes always do: variants differ in rounding, and the result of a problem must not depend on what ran before
//! it.

use crate::adapter::{Description, Kind};
use crate::locked;
use haul_shaders::{Columns, Power, Shader};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Least work of a pass that repays a measurement, in pairs of dimension 3.
pub(crate) const LARGE: usize = 1 << 31;

/// Lanes needed to broadcast a group of columns.
pub(crate) const BROADCAST_LANES: u32 = 8;

/// Key of a choice: an adapter with its driver and features, and a kernel apart from its columns.
type Key = (String, Shader);

static CHOICES: Mutex<Option<HashMap<Key, Choice>>> = Mutex::new(None);

enum Choice {
    Made(Columns),
    /// The measurement is under way; the reference is dead if it ended without a choice.
    Awaited(Weak<Race>),
}

/// The choices for one adapter.
pub(crate) struct Choices {
    adapter: String,
    candidates: Vec<Columns>,
    software: bool,
    fixed: Option<Columns>,
}

/// The chosen variant, and whether to measure all of them now.
pub(crate) struct Taken {
    pub(crate) columns: Columns,
    pub(crate) measure: bool,
}

impl Choices {
    pub(crate) fn new(description: &Description) -> Self {
        let Description {
            name,
            driver,
            backend,
            ..
        } = description;
        let broadcast = description.subgroup_sizes.0 >= BROADCAST_LANES;
        let possible = |columns: &Columns| *columns != Columns::Broadcast || broadcast;
        Self {
            adapter: format!("{name}, {driver}, {backend}, {broadcast}"),
            candidates: Columns::ALL.into_iter().filter(possible).collect(),
            software: description.kind == Kind::Software,
            fixed: None,
        }
    }

    /// The variants that can run.
    pub(crate) fn candidates(&self) -> &[Columns] {
        &self.candidates
    }

    /// Uses one variant for all kernels.
    pub(crate) fn fix(&mut self, columns: Columns) {
        self.fixed = Some(columns);
    }

    /// The variant of a kernel for a pass of this much work.
    pub(crate) fn take(&self, shader: Shader, work: usize) -> Taken {
        let settled = |columns| Taken {
            columns,
            measure: false,
        };
        if let Some(columns) = self.fixed {
            return settled(columns);
        }
        let guess = settled(self.guess(shader));
        if work < LARGE || self.candidates.len() == 1 {
            return guess;
        }
        match locked(&CHOICES)
            .get_or_insert_default()
            .get(&self.key(shader))
        {
            Some(Choice::Made(columns)) => settled(*columns),
            Some(Choice::Awaited(race)) if race.strong_count() > 0 => guess,
            _ => Taken {
                measure: true,
                ..guess
            },
        }
    }

    /// The trials of a measurement, in order. Each variant warms up first, because a driver may compile it at its first use.
    pub(crate) fn race(&self, shader: Shader) -> Vec<Trial> {
        let race = Arc::new(Race {
            key: self.key(shader),
            fastest: Mutex::default(),
        });
        let awaited = Choice::Awaited(Arc::downgrade(&race));
        locked(&CHOICES)
            .get_or_insert_default()
            .insert(self.key(shader), awaited);
        let candidates = self.candidates.iter().zip(1..);
        let trials = candidates.flat_map(|(&columns, place)| {
            [false, true].map(|timed| Trial {
                race: Arc::clone(&race),
                columns,
                timed,
                last: timed && place == self.candidates.len(),
            })
        });
        trials.collect()
    }

    fn key(&self, shader: Shader) -> Key {
        (self.adapter.clone(), kernel(shader))
    }

    /// On GPUs workgroup memory, in many dimensions or where broadcasts cannot run; else broadcasts where they can. The
    /// barriers of software adapters are slow.
    fn guess(&self, shader: Shader) -> Columns {
        let many = shader.pairs().is_some_and(|pairs| !pairs.points.are_few());
        if !self.software && (many || !self.candidates.contains(&Columns::Broadcast)) {
            Columns::Shared
        } else if self.candidates.contains(&Columns::Broadcast) {
            Columns::Broadcast
        } else {
            Columns::Loaded
        }
    }
}

/// A measurement of all variants of a kernel.
struct Race {
    key: Key,
    fastest: Mutex<Option<(Duration, Columns)>>,
}

/// One run of one variant in a race.
pub(crate) struct Trial {
    race: Arc<Race>,
    pub(crate) columns: Columns,
    timed: bool,
    last: bool,
}

impl Trial {
    /// Records the time of the trial. The last trial makes the choice.
    pub(crate) fn took(self, time: Duration) {
        let Race { key, fastest } = &*self.race;
        let mut fastest = locked(fastest);
        if self.timed && fastest.is_none_or(|(least, _)| time < least) {
            *fastest = Some((time, self.columns));
        }
        if let (true, Some((time, columns))) = (self.last, *fastest) {
            tracing::debug!(kernel = ?key.1, ?columns, ?time, "measured");
            let choice = Choice::Made(columns);
            locked(&CHOICES)
                .get_or_insert_default()
                .insert(key.clone(), choice);
        }
    }
}

/// A kernel without its columns and the power of its cost.
fn kernel(shader: Shader) -> Shader {
    shader.with_pairs(|mut pairs| {
        pairs.columns = Columns::Loaded;
        pairs.power = Power::Two;
        pairs
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use haul_shaders::{Pairs, Points, Values, Workgroup};

    fn choices(name: &str, kind: Kind, lanes: u32) -> Choices {
        Choices::new(&Description {
            bus: String::new(),
            name: name.to_owned(),
            driver: String::new(),
            backend: "Vulkan".to_owned(),
            kind,
            subgroup_sizes: (lanes, lanes),
            max_buffer_size: 1 << 30,
            max_binding_size: 1 << 27,
        })
    }

    fn shader(points: Points, power: Power) -> Shader {
        let columns = Columns::Loaded;
        let pairs = Pairs {
            points,
            power,
            columns,
            workgroup: Workgroup::Large,
        };
        Shader::Sums(pairs, Values::None)
    }

    #[test]
    fn a_large_pass_is_measured_once_and_the_choice_kept_for_the_adapter() {
        let first = choices("one adapter", Kind::Discrete, 32);
        let shader = shader(Points::Three, Power::One);
        assert!(!first.take(shader, LARGE - 1).measure);
        let taken = first.take(shader, LARGE);
        assert!(taken.measure && taken.columns == Columns::Broadcast);
        // A measurement that did not end is made again.
        drop(first.race(shader));
        assert!(first.take(shader, LARGE).measure);
        let trials = first.race(shader);
        let taken = first.take(shader, LARGE);
        assert!(!taken.measure && taken.columns == Columns::Broadcast);
        assert_eq!(trials.len(), 2 * Columns::ALL.len());
        for trial in trials {
            let time = match (trial.timed, trial.columns) {
                (true, Columns::Shared) => 2,
                (true, _) => 3,
                (false, _) => 1,
            };
            trial.took(Duration::from_millis(time));
        }
        for other in [&first, &choices("one adapter", Kind::Discrete, 32)] {
            let taken = other.take(shader, LARGE);
            assert!(!taken.measure && taken.columns == Columns::Shared);
            // A small pass gets the same variant as before.
            assert_eq!(other.take(shader, 1000).columns, Columns::Broadcast);
        }
        // The same adapter, opened without subgroups, has fewer variants.
        let without = choices("one adapter", Kind::Discrete, 0);
        assert!(without.take(shader, LARGE).measure);
    }

    #[test]
    fn guesses_fit_the_adapter() {
        let guess = |kind, lanes, points| {
            let choices = choices("guessed", kind, lanes);
            choices.guess(shader(points, Power::Two))
        };
        assert_eq!(guess(Kind::Discrete, 32, Points::Block), Columns::Shared);
        assert_eq!(guess(Kind::Integrated, 4, Points::Two), Columns::Shared);
        assert_eq!(guess(Kind::Software, 8, Points::Block), Columns::Broadcast);
        assert_eq!(guess(Kind::Software, 0, Points::Block), Columns::Loaded);
    }

    #[test]
    fn a_fixed_variant_is_never_measured() {
        let mut choices = choices("fixed", Kind::Discrete, 32);
        choices.fix(Columns::Loaded);
        let taken = choices.take(shader(Points::Two, Power::Two), LARGE);
        assert!(!taken.measure && taken.columns == Columns::Loaded);
    }
}
