//! `haul devices`: what there is, what would be chosen and why, and whether each computes right.

use crate::arguments::Devices;
use crate::outcome::{self, Outcome};
use anyhow::Result;
use haul::gpu::adapter::{self, Description};
use haul::{Device, Measure, Report, Selection, Sinkhorn};
use serde_json::{Value, json};
use std::fmt::Write;

/// Relative deviation from f64 that a self-check accepts: f32 at the blur it solves for.
const ACCEPTED: f64 = 1e-5;

pub(crate) fn run(arguments: &Devices) -> Result<Outcome> {
    let adapters = adapter::list();
    let chosen = adapter::choose(&adapters, &Selection::Automatic).ok();
    let (a, b) = problem()?;
    let settings = Sinkhorn::blur(0.2).tolerance(1e-4);
    let exact = settings.solve(&Device::cpu_f64(), &a, &b)?.value();
    let check = |device: haul::Result<Device>| -> Check {
        match device.and_then(|device| Ok(settings.solve(&device, &a, &b)?.report().clone())) {
            Ok(report) => Check::of(&report, exact),
            Err(error) => Check::Failed(error.to_string()),
        }
    };

    let mut text = String::new();
    let mut lines = String::new();
    let cpu = check(Ok(Device::cpu()));
    let cpu_name = haul::Engine::device(&Device::cpu()).to_owned();
    let reason = if chosen.is_some() {
        None
    } else {
        Some("there is no GPU, and software adapters are only taken by name")
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} {cpu_name}", mark(chosen.is_none()));
    let _ = writeln!(
        text,
        "    engine       SIMD and threads, f32 and f64: --device cpu"
    );
    let _ = writeln!(text, "    self-check   {}", cpu.words());
    let mut object = json!({"device": cpu_name, "engine": "cpu", "chosen": chosen.is_none()});
    cpu.add_to(&mut object);
    let _ = writeln!(lines, "{object}");
    for (index, description) in adapters.iter().enumerate() {
        let device = Device::select(&Selection::Name(description.name.clone()));
        let check = check(device);
        describe(&mut text, description, chosen == Some(index), &check);
        let mut object = json_of(description, chosen == Some(index));
        check.add_to(&mut object);
        let _ = writeln!(lines, "{object}");
    }
    let _ = match (reason, chosen.and_then(|index| adapters.get(index))) {
        (Some(reason), _) => writeln!(text, "\n* --device auto takes the CPU engine: {reason}."),
        (None, Some(best)) => {
            writeln!(
                text,
                "\n* --device auto takes {}: the best GPU, {}.",
                best.name,
                best.kind.name()
            )
        }
        (None, None) => Ok(()),
    };
    outcome::print(if arguments.json { &lines } else { &text })?;
    Ok(Outcome::Done)
}

/// What came of a small problem that f64 solves as well.
enum Check {
    Done { deviation: f64, seconds: f64 },
    Failed(String),
}

impl Check {
    fn of(report: &Report, exact: f64) -> Self {
        if !report.converged {
            return Self::Failed("it did not converge".to_owned());
        }
        Self::Done {
            deviation: (report.value / exact - 1.0).abs(),
            seconds: report.seconds,
        }
    }

    fn passed(&self) -> bool {
        matches!(self, Self::Done { deviation, .. } if *deviation <= ACCEPTED)
    }

    fn words(&self) -> String {
        match self {
            Self::Done { deviation, seconds } => {
                let verdict = if self.passed() { "passed" } else { "FAILED" };
                format!(
                    "{verdict}: {deviation:.0e} from f64, relative; {seconds:.3} s, first use included"
                )
            }
            Self::Failed(reason) => format!("FAILED: {reason}"),
        }
    }

    fn add_to(&self, object: &mut Value) {
        object["self_check"] = self.passed().into();
        match self {
            Self::Done { deviation, seconds } => {
                object["deviation"] = (*deviation).into();
                object["seconds"] = (*seconds).into();
            }
            Self::Failed(reason) => object["error"] = reason.as_str().into(),
        }
    }
}

fn problem() -> Result<(Measure, Measure)> {
    let spiral = |turn: f64, radius: f64| -> Vec<f64> {
        (0..500)
            .flat_map(|i| {
                let t = f64::from(i) / 500.0;
                let angle = turn * t;
                [radius * t * angle.cos(), radius * t * angle.sin(), t]
            })
            .collect()
    };
    Ok((
        Measure::uniform(&spiral(20.0, 1.0), 3)?,
        Measure::uniform(&spiral(7.0, 0.6), 3)?,
    ))
}

fn mark(chosen: bool) -> char {
    if chosen { '*' } else { ' ' }
}

fn describe(text: &mut String, description: &Description, chosen: bool, check: &Check) {
    let (least, most) = description.subgroup_sizes;
    let subgroups = if most == 0 {
        "none".to_owned()
    } else {
        format!("{least} to {most} lanes")
    };
    let _ = writeln!(text, "{} {}", mark(chosen), description.name);
    let _ = writeln!(
        text,
        "    engine       {} on {}, f32",
        description.kind.name(),
        description.backend
    );
    let _ = writeln!(text, "    driver       {}", description.driver);
    let _ = writeln!(
        text,
        "    limits       buffers {} MiB, bindings {} MiB, subgroups {subgroups}",
        description.max_buffer_size >> 20,
        description.max_binding_size >> 20,
    );
    let _ = writeln!(text, "    self-check   {}", check.words());
}

fn json_of(description: &Description, chosen: bool) -> Value {
    json!({
        "device": description.name,
        "engine": "gpu",
        "chosen": chosen,
        "kind": description.kind.name(),
        "backend": description.backend,
        "driver": description.driver,
        "max_buffer_size": description.max_buffer_size,
        "max_binding_size": description.max_binding_size,
        "subgroup_sizes": description.subgroup_sizes,
    })
}
