//! The report on a device: what is known of it, and the result of using it.

use super::system::System;
use crate::number::{error, pairs, percent};
use crate::rows::{BAD, GOOD, Rows, STRONG, styled};
use crate::speed::{self, Speed};
use anyhow::Result;
use haul::gpu::Columns;
use haul::gpu::adapter::Description;
use haul::{Available, Check, Device, SelfCheck};
use serde_json::{Value, json};

/// The dimension of the reported rates.
const DIMENSION: usize = 3;

/// What is known of a device before it is used, and why `--device auto` chooses it or not.
pub(super) struct Entry<'d> {
    pub(super) device: &'d Available,
    pub(super) why: String,
}

/// The result of using a device that opened.
pub(super) struct Examined {
    /// The engine's name for it.
    name: String,
    /// How large passes load their columns; `None` for the CPU engine, which has one way.
    columns: Option<Columns>,
    checks: haul::Result<Vec<Check>>,
    speed: haul::Result<Speed>,
}

impl Examined {
    pub(super) fn of(device: &Device, check: &SelfCheck) -> Self {
        let checks = check.run(device);
        let speed = speed::speed(device, DIMENSION);
        Self {
            name: haul::Engine::device(device).to_owned(),
            // The measurement of the speed has chosen this.
            columns: match device {
                Device::Gpu(engine) => Some(engine.columns(DIMENSION)),
                _ => None,
            },
            checks,
            speed,
        }
    }

    fn passed(&self) -> bool {
        let all = |checks: &Vec<Check>| checks.iter().all(|check| check.passed);
        self.checks.as_ref().is_ok_and(all) && self.speed.is_ok()
    }
}

impl Entry<'_> {
    /// The name of the device.
    fn name<'n>(&'n self, examined: &'n haul::Result<Examined>) -> &'n str {
        match (&self.device.adapter, examined) {
            (Some(adapter), _) => &adapter.name,
            (None, Ok(examined)) => &examined.name,
            (None, Err(_)) => "CPU",
        }
    }

    /// The device for a person.
    pub(super) fn text(&self, examined: &haul::Result<Examined>) -> String {
        let mut rows = Rows::default();
        let mark = if self.device.chosen { '*' } else { ' ' };
        rows.heading(format_args!(
            "\n{mark} {}",
            styled(STRONG, self.name(examined))
        ));
        match &self.device.adapter {
            None => rows.below("engine", "SIMD and threads, f32 and f64: --device cpu"),
            Some(adapter) => {
                let (kind, backend) = (adapter.kind.name(), &adapter.backend);
                rows.below("engine", format_args!("{kind} on {backend}, f32"));
                rows.below("driver", &adapter.driver);
                rows.below("limits", limits(adapter));
            }
        }
        let chosen = if self.device.chosen { "yes" } else { "no" };
        rows.below("chosen", format_args!("{chosen}: {}", self.why));
        let failed = |error: &haul::Error| format!("{}: {error}", styled(BAD, "FAILED"));
        match examined {
            Err(error) => rows.below("self-check", failed(error)),
            Ok(Examined {
                columns,
                checks,
                speed,
                ..
            }) => {
                match checks {
                    Ok(checks) => verdict(&mut rows, checks),
                    Err(error) => rows.below("self-check", failed(error)),
                }
                match speed {
                    Ok(speed) => rows.below("rate", rate(speed)),
                    Err(error) => rows.below("rate", failed(error)),
                }
                if let Some(columns) = columns {
                    rows.below("columns", word(*columns));
                }
            }
        }
        rows.text()
    }

    /// The device as a JSON object.
    pub(super) fn json(&self, system: &System, examined: &haul::Result<Examined>) -> Result<Value> {
        let mut object = serde_json::to_value(system)?;
        object["device"] = self.name(examined).into();
        object["engine"] = if self.device.adapter.is_some() {
            "gpu"
        } else {
            "cpu"
        }
        .into();
        object["chosen"] = self.device.chosen.into();
        object["why"] = self.why.as_str().into();
        if let Some(adapter) = &self.device.adapter {
            object["kind"] = adapter.kind.name().into();
            object["backend"] = adapter.backend.as_str().into();
            object["driver"] = adapter.driver.as_str().into();
            object["max_buffer_size"] = adapter.max_buffer_size.into();
            object["max_binding_size"] = adapter.max_binding_size.into();
            object["subgroup_sizes"] = json!(adapter.subgroup_sizes);
        }
        match examined {
            Err(error) => {
                object["self_check"] = false.into();
                object["error"] = error.to_string().into();
            }
            Ok(examined) => {
                object["self_check"] = examined.passed().into();
                match &examined.checks {
                    Ok(checks) => object["checks"] = checks.iter().map(numbers).collect(),
                    Err(error) => object["error"] = error.to_string().into(),
                }
                match &examined.speed {
                    Ok(speed) => {
                        object["points"] = speed.points.into();
                        object["pairs_per_second"] = speed.pairs_per_second.into();
                        if let Some(floor) = speed.floor {
                            object["floor_pairs_per_second"] = floor.into();
                        }
                    }
                    Err(error) => object["error"] = error.to_string().into(),
                }
                if let Some(columns) = examined.columns {
                    object["columns"] = word(columns).into();
                }
            }
        }
        Ok(object)
    }
}

/// A check as a JSON object; the names of its keys are the program's contract.
fn numbers(check: &Check) -> Value {
    json!({
        "what": check.what,
        "d": check.d,
        "p": check.p,
        "deviation": check.deviation,
        "accepted": check.accepted,
        "passed": check.passed,
    })
}

fn limits(adapter: &Description) -> String {
    let subgroups = match adapter.subgroup_sizes {
        (_, 0) => "none".to_owned(),
        (least, most) => format!("{least} to {most} lanes"),
    };
    format!(
        "buffers {} MiB, bindings {} MiB, subgroups {subgroups}",
        adapter.max_buffer_size >> 20,
        adapter.max_binding_size >> 20,
    )
}

/// Says whether all checks passed, and which ones failed.
fn verdict(rows: &mut Rows, checks: &[Check]) {
    let of_accepted = |check: &Check| match check.deviation {
        Some(deviation) => deviation / check.accepted,
        None => f64::INFINITY,
    };
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed).collect();
    if failed.is_empty() {
        let worst = checks.iter().map(of_accepted).fold(0.0, f64::max);
        rows.below(
            "self-check",
            format_args!(
                "{}: {} numbers; worst error: {} of the tolerance",
                styled(GOOD, "passed"),
                checks.len(),
                percent(worst)
            ),
        );
        return;
    }
    let (bad, all) = (failed.len(), checks.len());
    let word = styled(BAD, "FAILED");
    rows.below("self-check", format_args!("{word}: {bad} of {all} numbers"));
    for Check {
        what,
        d,
        p,
        deviation,
        accepted,
        ..
    } in failed
    {
        let off = match deviation {
            Some(deviation) => format!(
                "off by {}, where {} is allowed",
                error(*deviation),
                error(*accepted)
            ),
            None => "not a number".to_owned(),
        };
        rows.below("", format_args!("{what} for d = {d}, p = {p}: {off}"));
    }
}

fn rate(speed: &Speed) -> String {
    let Speed {
        points,
        pairs_per_second,
        floor,
    } = speed;
    let floor = floor.map(|floor| {
        let part = percent(pairs_per_second / floor);
        format!(
            ", {part} of the {}/s that its arithmetic admits",
            pairs(floor)
        )
    });
    format!(
        "{}/s{}: softmin of {points} × {points} points, d = {DIMENSION}, p = 2",
        pairs(*pairs_per_second),
        floor.unwrap_or_default()
    )
}

/// The word for a way to load columns.
fn word(columns: Columns) -> &'static str {
    match columns {
        Columns::Loaded => "loaded by each invocation",
        Columns::Broadcast => "broadcast in subgroups",
        Columns::Shared => "shared by a workgroup",
        Columns::Near => "named by a list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(examined: &haul::Result<Examined>) -> (String, Value) {
        let cpu = &Available::list()[0];
        let entry = Entry {
            device: cpu,
            why: "it is all there is".to_owned(),
        };
        let text = anstream::adapter::strip_str(&entry.text(examined)).to_string();
        (text, entry.json(&System::here(), examined).unwrap())
    }

    fn failure(reason: &str) -> haul::Error {
        haul::Error::Device {
            device: "the device".to_owned(),
            source: reason.into(),
        }
    }

    #[test]
    fn a_device_that_fails_is_told_with_its_error() {
        let (text, object) = told(&Err(failure("it is on fire")));
        assert!(
            text.contains("self-check      FAILED: the device: it is on fire"),
            "{text}"
        );
        assert_eq!(object["self_check"], false);
        assert_eq!(object["error"], "the device: it is on fire");

        let checks = SelfCheck::new().unwrap().run(&Device::cpu()).unwrap();
        let speed = Err(failure("it is lost"));
        let (text, object) = told(&Ok(Examined {
            name: "the device".to_owned(),
            columns: None,
            checks: Ok(checks),
            speed,
        }));
        assert!(text.contains("passed") && text.contains("FAILED: the device: it is lost"));
        assert_eq!(object["self_check"], false);
        assert_eq!(object["error"], "the device: it is lost");
    }

    #[test]
    fn a_number_that_is_wrong_is_told_by_its_name() {
        let mut checks = SelfCheck::new().unwrap().run(&Device::cpu()).unwrap();
        checks[7].passed = false;
        checks[7].deviation = Some(0.5);
        checks[9].passed = false;
        checks[9].deviation = None;
        let mut rows = Rows::default();
        verdict(&mut rows, &checks);
        let text = anstream::adapter::strip_str(&rows.text()).to_string();
        for part in [
            "FAILED: 2 of 12 numbers",
            "gradient for d = 16, p = 1: off by 0.5, where 0.0002 is allowed",
            "value for d = 16, p = 2: not a number",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
