//! A command of the program, and how a command that is one task runs.

use crate::answer::Answer;
use crate::commands::batch::kind::Kind;
use crate::files::{self, Uses};
use crate::forecast::Forecast;
use crate::input::Cloud;
use crate::journal::{self, Passes};
use crate::outcome::{self, Outcome};
use crate::task::{self, Request};
use crate::{coordinates, device, input, interrupt};
use anyhow::Result;
use haul::Device;
use haul::engine::{Journal, Ranks};
use std::io::IsTerminal;
use std::sync::Arc;

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
    /// The ranks that share the work.
    pub(crate) ranks: Option<Ranks>,
}

impl Program {
    /// Whether this process writes and tells the results.
    pub(crate) fn is_first(&self) -> bool {
        self.ranks.as_ref().is_none_or(|ranks| ranks.rank() == 0)
    }

    /// The device of a task, shared with the other ranks, and the file of its passes.
    fn shared<T: Request>(
        &self,
        task: &T,
        device: Device,
        clouds: &[Arc<Cloud>],
    ) -> Result<(Device, Option<Arc<Passes>>)> {
        let checkpoint = task.checkpoint();
        let ranks = match (&self.ranks, checkpoint) {
            (Some(ranks), _) => ranks.clone(),
            (None, Some(_)) => Ranks::alone(),
            (None, None) => return Ok((device, None)),
        };
        let passes = match checkpoint.filter(|_| self.is_first()) {
            Some((file, arguments)) => {
                let key = journal::key(&arguments, &device::arithmetic(&device), clouds);
                Some(Arc::new(Passes::open(file, &key)?))
            }
            None => None,
        };
        if let Some(kept) = passes.as_ref().map(|passes| passes.kept())
            && kept > 0
            && !task.delivery().quiet
        {
            outcome::tell(&format!("going on after {kept} passes"));
        }
        let kept = passes.clone().map(|passes| passes as Arc<dyn Journal>);
        let device = device.over(ranks)?.with_journal(kept)?;
        Ok((device, passes))
    }
}

impl<T: Request> Command for T {
    fn run(&self, program: &Program) -> Result<Outcome> {
        files::check_apart(&[task::uses(self, Uses::of_command())])?;
        self.check()?;
        let inputs = self.inputs();
        let clouds = input::read_all(&inputs)?;
        let others = coordinates::of_task(&inputs, &clouds)?;
        let device = device::open(&self.engine(&clouds)?)?;
        let (device, passes) = program.shared(self, device, &clouds)?;
        let delivery = self.delivery();
        if let Some(warning) = others.filter(|_| !delivery.quiet) {
            outcome::warn(&warning);
        }
        // A forecast is made by one process alone, and not amid the passes of a file.
        if !delivery.quiet
            && program.ranks.is_none()
            && passes.is_none()
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
        if let Some(passes) = passes {
            passes.served();
        }
        Ok(answer.outcome())
    }
}
