//! Flags of the reference that this release does not carry out.
//!
//! A setting that is silently ignored is a trap, so each such flag is declared: those that would change behaviour are
//! refused when somebody sets them to anything but their default, and those that have no meaning here (Redis, client
//! rate limits) are accepted with one line in the log. Which flags these are is each service's own table.

use std::marker::PhantomData;

use clap::{Arg, ArgAction, ArgMatches, Command};

/// What happens to a flag that is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Start-up fails when the value is not one of the defaults.
    Refused,
    /// The value is accepted and has no effect; the text says why that is right.
    NoEffect(&'static str),
}

/// One flag of the reference.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Name without the leading dashes.
    pub name: &'static str,
    /// Environment variable that sets it, or empty.
    pub env: &'static str,
    /// Values that mean "not set": the reference's default and its other spellings.
    pub defaults: &'static [&'static str],
    /// What is done with any other value.
    pub treatment: Treatment,
}

impl Flag {
    /// A flag that is refused unless it has its default.
    #[must_use]
    pub const fn refused(name: &'static str, env: &'static str, defaults: &'static [&'static str]) -> Self {
        Self { name, env, defaults, treatment: Treatment::Refused }
    }

    /// A flag that is accepted without effect, and why.
    #[must_use]
    pub const fn no_effect(name: &'static str, env: &'static str, why: &'static str) -> Self {
        Self { name, env, defaults: &[], treatment: Treatment::NoEffect(why) }
    }
}

/// A service's table of such flags.
pub trait UnbuiltFlags {
    /// Every flag of the reference's service that is not carried out.
    const FLAGS: &'static [Flag];
}

/// What was found of a table's flags on the command line and in the environment.
#[derive(Debug)]
pub struct Unbuilt<T> {
    refused: Vec<String>,
    without_effect: Vec<String>,
    table: PhantomData<T>,
}

impl<T> Clone for Unbuilt<T> {
    fn clone(&self) -> Self {
        Self {
            refused: self.refused.clone(),
            without_effect: self.without_effect.clone(),
            table: PhantomData,
        }
    }
}

impl<T> Default for Unbuilt<T> {
    fn default() -> Self {
        Self { refused: Vec::new(), without_effect: Vec::new(), table: PhantomData }
    }
}

/// Settings were given that this release does not carry out.
#[derive(Debug, thiserror::Error)]
#[error("refusing to start with settings that are not built yet: {}; remove them or set their defaults", .0.join("; "))]
pub struct NotBuilt(Vec<String>);

impl<T> Unbuilt<T> {
    /// Fails when a flag was set that would change behaviour; returns the lines to log about those without effect.
    ///
    /// # Errors
    /// [`NotBuilt`] names every such flag, its variable and its value.
    pub fn check(&self) -> Result<&[String], NotBuilt> {
        if self.refused.is_empty() { Ok(&self.without_effect) } else { Err(NotBuilt(self.refused.clone())) }
    }
}

impl<T: UnbuiltFlags> clap::FromArgMatches for Unbuilt<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Self::default();
        for flag in T::FLAGS {
            let Some(value) = matches.get_one::<String>(flag.name) else { continue };
            if flag.defaults.contains(&value.as_str()) || (value.is_empty() && flag.defaults.is_empty()) {
                continue;
            }
            let name = if flag.env.is_empty() {
                format!("--{}={value}", flag.name)
            } else {
                format!("--{}={value} ({})", flag.name, flag.env)
            };
            match flag.treatment {
                Treatment::Refused => found.refused.push(name),
                Treatment::NoEffect(why) => found.without_effect.push(format!("{name} has no effect: {why}")),
            }
        }
        Ok(found)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: UnbuiltFlags> clap::Args for Unbuilt<T> {
    fn augment_args(command: Command) -> Command {
        T::FLAGS.iter().fold(command, |command, flag| {
            let mut arg = Arg::new(flag.name)
                .long(flag.name)
                .hide(true)
                .num_args(0..=1)
                .default_missing_value("true")
                .allow_hyphen_values(true)
                .action(ArgAction::Set);
            if !flag.env.is_empty() {
                arg = arg.env(flag.env);
            }
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug)]
    struct Table;
    impl UnbuiltFlags for Table {
        const FLAGS: &'static [Flag] = &[
            Flag::refused("sharding-method", "", &["", "legacy"]),
            Flag::no_effect("redis", "", "no Redis is needed"),
        ];
    }
    #[derive(Debug, Parser)]
    struct Args {
        #[command(flatten)]
        unbuilt: Unbuilt<Table>,
    }

    fn parse(words: &[&str]) -> Unbuilt<Table> {
        Args::try_parse_from(std::iter::once(&"x").chain(words)).unwrap().unbuilt
    }

    #[test]
    fn a_flag_that_is_not_built_is_refused_with_its_name_and_value() {
        let error = parse(&["--sharding-method", "round-robin"]).check().unwrap_err().to_string();
        assert!(error.contains("--sharding-method=round-robin"), "{error}");
    }

    #[test]
    fn the_default_of_a_flag_that_is_not_built_is_accepted() {
        assert!(parse(&["--sharding-method", "legacy"]).check().unwrap().is_empty());
        assert!(parse(&[]).check().unwrap().is_empty());
    }

    #[test]
    fn a_flag_without_meaning_here_is_accepted_with_a_notice() {
        let parsed = parse(&["--redis", "argocd-redis:6379"]);
        assert_eq!(parsed.check().unwrap(), ["--redis=argocd-redis:6379 has no effect: no Redis is needed"]);
    }
}
