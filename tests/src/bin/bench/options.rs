//! The command line of the benchmarks.

/// What `--help` shows.
pub(crate) const USAGE: &str = "Usage: cargo xtask bench [api] [check] [gate] [evaluate] [--rounds N] [--json] [--strict]

  api         create and no-op against an AWS that takes 40 ms more for each call, beside a sequential boto3 script
  check       `kaphost check` with a warm and a cold cache, beside cfn-guard on the same four rules
  gate        `kaphost check` of 1,000 configs by ten policies, on two processors
  evaluate    one evaluation, and ten policies on up to 10,000 servers, beside regorus on the same rules
              (all of them, when none is named)
  --rounds N  how often each is measured; the default is 5 for api, 31 for check, 7 for gate and 3 for evaluate
  --json      the figures as one JSON document
  --strict    exit code 1 when a target is missed";

/// More rounds say nothing more.
const MOST_ROUNDS: usize = 1_000;

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Calls to AWS.
    Api,
    /// Checking a file.
    Check,
    /// Checking many files.
    Gate,
    /// Judging without a process around it.
    Evaluate,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// In the order they are measured in.
    pub(crate) measures: Vec<Measure>,
    /// How often; each measure has its own default.
    pub(crate) rounds: Option<usize>,
    /// JSON in place of the table.
    pub(crate) json: bool,
    /// Whether a missed target is a failure.
    pub(crate) strict: bool,
}

impl Options {
    /// Reads the arguments; `None` when help was asked for.
    ///
    /// # Errors
    /// What makes no sense.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { measures: Vec::new(), rounds: None, json: false, strict: false };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "api" => options.add(Measure::Api),
                "check" => options.add(Measure::Check),
                "gate" => options.add(Measure::Gate),
                "evaluate" => options.add(Measure::Evaluate),
                "--json" => options.json = true,
                "--strict" => options.strict = true,
                "--help" | "-h" => return Ok(None),
                "--rounds" => {
                    let given = arguments.next().ok_or("--rounds needs a number")?;
                    let rounds = given.parse().ok().filter(|rounds| (1..=MOST_ROUNDS).contains(rounds));
                    options.rounds = Some(rounds.ok_or_else(|| format!("--rounds takes 1 to {MOST_ROUNDS}, not `{given}`"))?);
                }
                other => return Err(format!("`{other}` is nothing that can be measured, and no option")),
            }
        }
        if options.measures.is_empty() {
            options.measures = vec![Measure::Api, Measure::Check, Measure::Gate, Measure::Evaluate];
        }
        Ok(Some(options))
    }

    fn add(&mut self, measure: Measure) {
        if !self.measures.contains(&measure) {
            self.measures.push(measure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Options>, String> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_measured_unless_something_is_named() {
        assert_eq!(parse("").unwrap().unwrap().measures, [Measure::Api, Measure::Check, Measure::Gate, Measure::Evaluate]);
        let named = parse("check --rounds 3 --json --strict check").unwrap().unwrap();
        assert_eq!(named, Options { measures: vec![Measure::Check], rounds: Some(3), json: true, strict: true });
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        assert!(parse("aip").unwrap_err().contains("`aip`"));
        assert!(parse("--rounds").unwrap_err().contains("needs a number"));
        for rounds in ["0", "-1", "many", "1001"] {
            assert!(parse(&format!("--rounds {rounds}")).unwrap_err().contains(rounds));
        }
        assert_eq!(parse("api -h").unwrap(), None);
    }
}
