//! The exact cost beside that of a blurred plan.

use crate::device;
use crate::interrupt;
use crate::number::Certified;
use crate::options::{Engine, Precision, Settings};
use crate::page::number::Number;
use crate::page::values::row;
use crate::progress::Pivoting;
use anyhow::{Result, bail};
use haul::{Bounds, Exact, ExactReport, Measure, Stop};
use maud::{Markup, html};
use serde::Serialize;
use std::ops::ControlFlow;

/// The engine of an exact solve in a dimension: in many, f64 alone proves what is asked for.
pub(crate) fn engine_in(dimension: usize, engine: &Engine) -> Engine {
    match dimension > Exact::FEW_DIMENSIONS {
        true => engine.precise(),
        false => engine.clone(),
    }
}

/// W_p^p, proved.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ExactCost {
    value: f64,
    lower_bound: f64,
    upper_bound: f64,
    proved: bool,
}

impl ExactCost {
    /// Refuses settings that let mass stay where it is.
    pub(crate) fn check(settings: &Settings) -> Result<()> {
        let penalties = [settings.reach, settings.rho, settings.rho_a, settings.rho_b];
        if penalties.iter().flatten().any(|rho| rho.is_finite()) {
            bail!("--exact is for transport of all mass; leave out --reach and --rho, or --exact");
        }
        Ok(())
    }

    /// The cost between two measures, in f64 on the CPU, with as many threads as the engine has.
    pub(crate) fn of(
        [source, target]: [&Measure; 2],
        settings: &Settings,
        engine: &Engine,
        quiet: bool,
    ) -> Result<Self> {
        let device = device::open(&Engine {
            device: "cpu".to_owned(),
            precision: Some(Precision::F64),
            threads: engine.threads,
        })?;
        let line = Pivoting::new(quiet);
        let exact = Exact::default().p(settings.p.unwrap_or(2.0));
        let solution = exact.solve_observed(&device, source, target, |progress| {
            line.observe(progress);
            match interrupt::requested() {
                true => ControlFlow::Break(Stop::Abandon),
                false => ControlFlow::Continue(()),
            }
        })?;
        let ExactReport {
            value,
            bounds,
            proved,
            ..
        } = *solution.report();
        Ok(Self {
            value,
            lower_bound: bounds.lower,
            upper_bound: bounds.upper,
            proved,
        })
    }

    fn told(&self) -> Certified {
        let bounds = Bounds {
            lower: self.lower_bound,
            upper: self.upper_bound,
        };
        Certified::new(self.value, bounds)
    }

    /// Its row for a person.
    pub(crate) fn in_words(&self) -> String {
        let told = self.told();
        format!("{} {} = W_p^p", told.value, told.between())
    }

    /// Its rows in a table of values.
    pub(crate) fn rows(&self) -> Markup {
        let told = self.told();
        html! {
            (row("exact W_p^p", "exact.value", &Number::certified(self.value, told.value)))
            (row("lower bound, exact", "exact.lower_bound", &Number::certified(self.lower_bound, told.lower)))
            (row("upper bound, exact", "exact.upper_bound", &Number::certified(self.upper_bound, told.upper)))
        }
    }
}
