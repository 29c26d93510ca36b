//! `haul devices`: what there is, what would be chosen and why, whether each computes right and how
//! fast. It is what a report of a fault should hold, so nothing that a device does ends it.

mod check;
mod entry;
mod system;

use crate::arguments::Devices;
use crate::outcome::{self, Outcome};
use crate::rows::Rows;
use anyhow::Result;
use check::Reference;
use entry::{Entry, Examined};
use haul::gpu::adapter::{self, Kind};
use haul::{Device, Selection};
use system::System;

pub(crate) fn run(arguments: &Devices) -> Result<Outcome> {
    let system = System::here();
    let reference = Reference::solve()?;
    let adapters = adapter::list();
    let chosen = adapter::choose(&adapters, &Selection::Automatic).ok();
    let best = chosen.and_then(|index| adapters.get(index));
    if !arguments.json {
        let mut rows = Rows::default();
        for (name, value) in system.rows() {
            rows.row(name, value);
        }
        if adapters.is_empty() {
            rows.row("adapters", NO_ADAPTERS);
        }
        outcome::show(&rows.text())?;
    }

    let cpu = Entry {
        adapter: None,
        chosen: best.is_none(),
        why: match best {
            Some(best) => format!("{} is there; take it by --device cpu", best.name),
            None if adapters.is_empty() => "there is no adapter".to_owned(),
            None => "there is no GPU, and software adapters are slower".to_owned(),
        },
    };
    let of_adapter = |(index, description)| Entry {
        adapter: Some(description),
        chosen: chosen == Some(index),
        why: {
            let best = best.map(|best| (&*best.name, best.kind));
            why(description.kind, best, chosen == Some(index))
        },
    };
    let entries = std::iter::once(cpu).chain(adapters.iter().enumerate().map(of_adapter));
    for (index, entry) in entries.enumerate() {
        // Told at once: should a driver take the program down with it, the others are there.
        let device = match index.checked_sub(1) {
            None => Ok(Device::cpu()),
            Some(index) => Device::select(&Selection::Listed(index)),
        };
        let examined = device.map(|device| Examined::of(&device, &reference));
        if arguments.json {
            outcome::print(&format!("{}\n", entry.json(&system, &examined)?))?;
        } else {
            outcome::show(&entry.text(&examined))?;
        }
    }
    if !arguments.json {
        let taken = best.map_or("the CPU engine", |best| &best.name);
        outcome::show(&format!("\n* --device auto takes {taken}.\n"))?;
    }
    Ok(Outcome::Done)
}

const NO_ADAPTERS: &str = "none: no driver of Vulkan, Metal or Direct3D 12 was found. Where a GPU should be, \
     install its driver and, for Vulkan, the loader (libvulkan)";

/// Why an adapter of a kind is chosen, or is not where there is a best one of this name and kind.
fn why(kind: Kind, best: Option<(&str, Kind)>, chosen: bool) -> String {
    let by_name = "take it by --device and a part of its name";
    match best {
        _ if kind == Kind::Software => {
            format!("a software adapter, slower than the CPU engine; {by_name}")
        }
        _ if chosen => format!("the best GPU: {}, the first of its kind", kind.name()),
        Some((name, same)) if same == kind => {
            format!("{name} is of the same kind and comes first; {by_name}")
        }
        Some((name, other)) => {
            let (other, kind) = (other.name(), kind.name());
            format!("{name} is {other}, which is preferred to {kind}; {by_name}")
        }
        None => format!("of no kind that is chosen; {by_name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_adapter_has_its_reason() {
        let best = Some(("A", Kind::Discrete));
        for (kind, best, chosen, reason) in [
            (Kind::Discrete, best, true, "the best GPU: discrete"),
            (Kind::Discrete, best, false, "A is of the same kind"),
            (
                Kind::Integrated,
                best,
                false,
                "A is discrete, which is preferred to integrated",
            ),
            (Kind::Software, best, false, "software adapter"),
            (Kind::Software, None, false, "slower than the CPU engine"),
        ] {
            let why = why(kind, best, chosen);
            assert!(why.contains(reason), "{why}");
            assert!(chosen || why.contains("--device"), "{why}");
        }
    }
}
