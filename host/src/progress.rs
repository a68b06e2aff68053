//! A run as it happens: live lines on a terminal, plain lines elsewhere. A view of the executor's events and nothing more.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kaphost_apply::{Activity, CloudError, Event};
use kaphost_plan::{Plan, Refresh, Step, StepId};

use crate::term::{self, BAD, CHANGED, FAINT, GOOD, STRONG, paint};

/// Where runs are shown, one or several at once.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// `None` when nobody watches live.
    live: Option<MultiProgress>,
}

impl Screen {
    /// Standard error.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { live: term::err_is_live().then(MultiProgress::new) }
    }
}

/// Shows events. Share it by reference with the executor.
#[derive(Debug)]
pub(crate) struct Progress {
    subjects: Mutex<BTreeMap<StepId, String>>,
    screen: Screen,
    bars: Mutex<BTreeMap<StepId, ProgressBar>>,
    /// Before every line.
    label: String,
}

impl Progress {
    /// For one plan. With a label, its lines are told from those of others that are carried out at the same time.
    #[must_use]
    pub(crate) fn new(plan: &Plan, screen: &Screen, label: Option<&str>) -> Self {
        let label = label.map(|label| format!("{}:", paint(STRONG, label))).unwrap_or_default();
        Self { subjects: Mutex::new(subjects(plan)), screen: screen.clone(), bars: Mutex::default(), label }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match event {
            Event::Replanned(plan) => {
                if let Ok(mut known) = self.subjects.lock() {
                    *known = subjects(plan);
                }
                self.print("  Some of it was there already, and is ours. What is left to do:");
            }
            Event::CutShort(step) => self.end(*step, &paint(CHANGED, "-"), "cut short"),
            Event::Started(step) => self.start(*step),
            Event::Retrying { step, error, in_ms } => self.retrying(*step, error, *in_ms),
            Event::Met(step) => self.line(*step, &paint(CHANGED, "="), "was there already, and is ours"),
            Event::Activity { step, activity } => self.line(*step, &paint(FAINT, "·"), &self::activity(activity)),
            Event::Refresh { step, refresh } => self.line(*step, &paint(FAINT, "·"), &self::refresh(refresh)),
            Event::Done { step, took_ms } => self.end(*step, &paint(GOOD, "✓"), &seconds(*took_ms)),
            Event::Failed { step, error } => self.end(*step, &paint(BAD, "✗"), &paint(BAD, error)),
            Event::Stopping => self.print(&paint(CHANGED, "  Stopping: the calls in flight are finished, nothing new is begun.")),
        }
    }

    fn subject(&self, step: StepId) -> String {
        self.subjects.lock().ok().and_then(|subjects| subjects.get(&step).cloned()).unwrap_or_default()
    }

    fn start(&self, step: StepId) {
        let Some(live) = &self.screen.live else { return };
        let message = format!("{} {}", self.label, self.subject(step)).trim_start().to_owned();
        let bar = live.add(ProgressBar::new_spinner().with_message(message));
        // The template is a constant: were it wrong, indicatif's default would serve as well.
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        if let Ok(mut bars) = self.bars.lock() {
            bars.insert(step, bar);
        }
    }

    fn retrying(&self, step: StepId, error: &CloudError, in_ms: u64) {
        self.line(step, &paint(CHANGED, "…"), &format!("{error}; again in {}", seconds(in_ms)));
    }

    fn line(&self, step: StepId, sign: &str, text: &str) {
        self.print(&format!("  {sign} {}: {text}", self.subject(step)));
    }

    fn end(&self, step: StepId, sign: &str, text: &str) {
        let bar = self.bars.lock().ok().and_then(|mut bars| bars.remove(&step));
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.print(&format!("  {sign} {}  {text}", self.subject(step)));
    }

    fn print(&self, line: &str) {
        let show = || term::err(&format!("{}{line}\n", self.label));
        match &self.screen.live {
            Some(live) => live.suspend(show),
            None => show(),
        }
    }
}

fn subjects(plan: &Plan) -> BTreeMap<StepId, String> {
    let describe = |step: &Step| format!("{} {}", step.action.operation(), step.subject);
    plan.steps.iter().map(|step| (step.id, describe(step))).collect()
}

/// `InProgress, 50%: waiting for the instance to warm up`
fn refresh(refresh: &Refresh) -> String {
    let percent = refresh.percent.map(|percent| format!(", {percent}%")).unwrap_or_default();
    let reason = refresh.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{percent}{reason}", refresh.status)
}

fn activity(activity: &Activity) -> String {
    match &activity.message {
        Some(message) => format!("{} ({}): {message}", activity.description, activity.status),
        None => format!("{} ({})", activity.description, activity.status),
    }
}

/// Milliseconds below a second, seconds with a tenth below ten, whole seconds above.
#[must_use]
pub(crate) fn seconds(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} s", ms / 1000),
    }
}
