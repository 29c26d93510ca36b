//! `haul devices`: the devices, which one would be chosen and why, whether each computes correctly and how fast. The
//! output is meant for a bug report, so no failure of a device ends it.

mod entry;
mod system;

use crate::command::{Command, Program};
use crate::outcome::{self, Outcome};
use crate::rows::Rows;
use anyhow::Result;
use clap::Args;
use entry::{Entry, Examined};
use haul::gpu::adapter::Kind;
use haul::{Available, SelfCheck};
use system::System;

/// List the devices, say which one is chosen and why, and check each of them
#[derive(Debug, Args)]
#[command(
    after_help = r#"Paste what it prints into a report of a fault. Small problems (d = 3 and 16, p = 1 and 2) are
solved on each device, and their values, gradients and marginals compared with those of f64; the
rate is that of a softmin, d = 3. A device that fails is listed with its error, and the exit status
is 0 all the same.

Keys of a line of --json, those in brackets where they make sense:
  haul system processor threads memory       the program's version and the machine; memory in bytes
  device engine chosen why                   engine: cpu or gpu; chosen: what --device auto takes
  [kind backend driver max_buffer_size max_binding_size subgroup_sizes]     of an adapter; in bytes
  self_check [checks error]                  checks: what, d, p, deviation, accepted, passed of each
  [points pairs_per_second floor_pairs_per_second columns]     points of each cloud; the CPU's floor

Example:
  haul devices --json"#
)]
pub(crate) struct Devices {
    /// Print one JSON object a device
    #[arg(long)]
    json: bool,
}

impl Command for Devices {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let system = System::here();
        let check = SelfCheck::new()?;
        let devices = Available::list();
        let adapters = || devices.iter().filter_map(|device| device.adapter.as_ref());
        let chosen = devices.iter().find(|device| device.chosen);
        let best = chosen.and_then(|device| device.adapter.as_ref());
        if !self.json {
            let mut rows = Rows::default();
            for (name, value) in system.rows() {
                rows.row(name, value);
            }
            if adapters().next().is_none() {
                rows.row("adapters", NO_ADAPTERS);
            }
            outcome::show(&rows.text())?;
        }

        for device in &devices {
            let why = match &device.adapter {
                Some(adapter) => {
                    let best = best.map(|best| (&*best.name, best.kind));
                    why(adapter.kind, best, device.chosen)
                }
                None => match best {
                    Some(best) => format!("{} is there; take it by --device cpu", best.name),
                    None if adapters().next().is_none() => "there is no adapter".to_owned(),
                    None => "there is no GPU, and software adapters are slower".to_owned(),
                },
            };
            let entry = Entry { device, why };
            // Printed at once: if a driver crashes the program, the other devices are already printed.
            let examined = device.open().map(|device| Examined::of(&device, &check));
            if self.json {
                outcome::print(&format!("{}\n", entry.json(&system, &examined)?))?;
            } else {
                outcome::show(&entry.text(&examined))?;
            }
        }
        if !self.json {
            let taken = best.map_or("the CPU engine", |best| &best.name);
            outcome::show(&format!("\n* --device auto takes {taken}.\n"))?;
        }
        Ok(Outcome::Done)
    }
}

const NO_ADAPTERS: &str = "none: no driver of Vulkan, Metal or Direct3D 12 was found. Where a GPU should be, \
     install its driver and, for Vulkan, the loader (libvulkan)";

/// Why an adapter of a kind is chosen or not; `best` is the name and kind of the best one, if any.
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
