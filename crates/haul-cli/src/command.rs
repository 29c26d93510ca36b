//! A command of the program, and how a command that is one task runs.

use crate::answer::Answer;
use crate::commands::batch::kind::Kind;
use crate::files::{self, Uses};
use crate::forecast::Forecast;
use crate::outcome::{self, Outcome};
use crate::task::{self, Request};
use crate::{coordinates, device, input, interrupt};
use anyhow::Result;
use std::io::IsTerminal;

/// What a subcommand does.
pub(crate) trait Command {
    /// Runs the command to its end.
    ///
    /// # Errors
    ///
    /// Any error, before or after the work began.
    fn run(&self, program: &Program) -> Result<Outcome>;
}

/// What a command may use of the program that contains it.
pub(crate) struct Program {
    /// The definition of the whole command line.
    pub(crate) definition: fn() -> clap::Command,
    /// The commands that a job may name.
    pub(crate) kinds: &'static [Kind],
}

impl<T: Request> Command for T {
    fn run(&self, _: &Program) -> Result<Outcome> {
        files::check_apart(&[task::uses(self, Uses::of_command())])?;
        self.check()?;
        let inputs = self.inputs();
        let clouds = input::read_all(&inputs)?;
        let others = coordinates::of_task(&inputs, &clouds)?;
        let device = device::open(&self.engine(&clouds)?)?;
        let delivery = self.delivery();
        if let Some(warning) = others.filter(|_| !delivery.quiet) {
            outcome::warn(&warning);
        }
        if !delivery.quiet
            && std::io::stderr().is_terminal()
            && let Some(forecast) = Forecast::of(self, &device, &clouds)
        {
            outcome::tell(&forecast.to_string());
        }
        let answer = match task::complete(self, &device, &clouds) {
            Err(error) if outcome::is_interrupt(&error) && interrupt::requested() => {
                return Ok(Outcome::Interrupted);
            }
            answer => answer?,
        };
        outcome::show(&match delivery.json {
            true => answer.json()?,
            false => answer.text(),
        })?;
        if !delivery.quiet {
            for warning in answer.warnings() {
                outcome::warn(&warning);
            }
        }
        Ok(answer.outcome())
    }
}
