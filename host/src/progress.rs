//! A run as it happens: live lines on a terminal, plain lines elsewhere. A view of the executor's events and nothing more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kaphost_apply::{Activity, Event};
use kaphost_plan::{Plan, Refresh, Step, StepId};

use crate::term::{self, BAD, CHANGED, FAINT, GOOD, STRONG, paint};

/// How often a live line moves.
const TICK: Duration = Duration::from_millis(120);
/// Where nobody watches live: after so long a silence a line says that the run goes on, and on what it waits. Pipelines end jobs that say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// So long a read of the cloud may take before somebody who watches live is told of it. In a log a line that depends on how fast an answer came is noise, and there it
/// takes [`SILENCE`].
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a line goes on that is longer than the terminal is wide: past its count and sign.
const HANG: usize = 8;

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
    /// Before every line.
    label: String,
    state: Mutex<State>,
    live: Option<Live>,
}

/// What is known of the run.
#[derive(Debug)]
struct State {
    subjects: BTreeMap<StepId, String>,
    /// Steps of all rounds.
    total: usize,
    /// Of those, how many have ended.
    ended: usize,
    /// What is under way, since when.
    under_way: BTreeMap<StepId, Instant>,
    began: Instant,
    /// When a line was last written.
    said: Instant,
}

/// The lines at the bottom of a terminal: one for each step that is under way, and one for the whole.
#[derive(Debug)]
struct Live {
    lines: MultiProgress,
    whole: ProgressBar,
    steps: Mutex<BTreeMap<StepId, ProgressBar>>,
}

impl Live {
    fn on(lines: MultiProgress) -> Self {
        let whole = lines.add(moving("  {wide_msg:.dim}"));
        Self { lines, whole, steps: Mutex::default() }
    }
}

/// A line that moves. The templates are constants: were one wrong, indicatif's default would serve as well.
fn moving(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Nothing here can leave what it guards half done: a panic elsewhere changes nothing about it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    /// For one plan. With a label, its lines are told from those of others that are carried out at the same time.
    #[must_use]
    pub(crate) fn new(plan: &Plan, screen: &Screen, label: Option<&str>) -> Self {
        let label = label.map(|label| format!("{}:", paint(STRONG, label))).unwrap_or_default();
        let now = Instant::now();
        let state =
            State { subjects: subjects(plan), total: plan.steps.len(), ended: 0, under_way: BTreeMap::new(), began: now, said: now };
        Self { state: Mutex::new(state), live: screen.live.clone().map(Live::on), label }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match event {
            Event::Replanned(plan) => {
                let mut state = locked(&self.state);
                state.subjects = subjects(plan);
                state.total += plan.steps.len();
                state.under_way.clear();
                drop(state);
                self.print("  Some of it was there already, and is ours. What is left to do:");
            }
            Event::CutShort(step) => self.end(*step, &paint(CHANGED, "-"), "cut short"),
            Event::Started(step) => self.start(*step),
            Event::Retrying { step, error, in_ms } => {
                self.say(*step, &paint(CHANGED, "…"), &format!("{error}; again in {}", seconds(*in_ms)));
            }
            Event::Met(step) => self.say(*step, &paint(CHANGED, "="), "was there already, and is ours"),
            Event::Activity { step, activity } => self.say(*step, &paint(FAINT, "·"), &self::activity(activity)),
            Event::Refresh { step, refresh } => self.say(*step, &paint(FAINT, "·"), &self::refresh(refresh)),
            Event::Done { step, took_ms } => self.end(*step, &paint(GOOD, "✓"), &paint(FAINT, seconds(*took_ms))),
            Event::Failed { step, error } => self.end(*step, &paint(BAD, "✗"), &paint(BAD, error)),
            Event::Stopping => self.print(&paint(CHANGED, "  Stopping: the calls in flight are finished, nothing new is begun.")),
        }
    }

    /// Does the work, and meanwhile shows that it goes on.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            let every = if self.live.is_some() { TICK } else { SILENCE };
            tokio::select! {
                result = &mut work => {
                    if let Some(live) = &self.live {
                        live.whole.finish_and_clear();
                    }
                    return result;
                }
                () = tokio::time::sleep(every) => self.still_here(),
            }
        }
    }

    /// The line for the whole moves on; where nobody watches live, a long silence is broken.
    fn still_here(&self) {
        let state = locked(&self.state);
        // Where somebody watches live, each step has a line of its own.
        let words = if self.live.is_some() { state.count() } else { state.words() };
        let silent = state.said.elapsed() >= SILENCE;
        drop(state);
        match &self.live {
            Some(live) => live.whole.set_message(self.labelled(&words)),
            None if silent => self.print(&format!("  {} {words}", paint(FAINT, "·"))),
            None => {}
        }
    }

    fn labelled(&self, words: &str) -> String {
        if self.label.is_empty() { words.to_owned() } else { format!("{} {words}", self.label) }
    }

    fn subject(&self, step: StepId) -> String {
        locked(&self.state).subjects.get(&step).cloned().unwrap_or_default()
    }

    fn start(&self, step: StepId) {
        locked(&self.state).under_way.insert(step, Instant::now());
        let Some(live) = &self.live else { return };
        let bar = moving("  {spinner} {wide_msg} {elapsed:>4} ").with_message(self.labelled(&self.subject(step)));
        let bar = live.lines.insert_before(&live.whole, bar);
        bar.enable_steady_tick(TICK);
        locked(&live.steps).insert(step, bar);
    }

    /// Something new of a step that goes on.
    fn say(&self, step: StepId, sign: &str, text: &str) {
        let subject = self.subject(step);
        if let Some(live) = &self.live
            && let Some(bar) = locked(&live.steps).get(&step)
        {
            bar.set_message(self.labelled(&format!("{subject}: {text}")));
        }
        self.print(&format!("  {sign} {subject}: {text}"));
    }

    fn end(&self, step: StepId, sign: &str, text: &str) {
        let mut state = locked(&self.state);
        state.under_way.remove(&step);
        state.ended += 1;
        let (ended, total) = (state.ended, state.total);
        drop(state);
        if let Some(live) = &self.live
            && let Some(bar) = locked(&live.steps).remove(&step)
        {
            bar.finish_and_clear();
        }
        let width = total.to_string().len();
        let count = paint(FAINT, format_args!("{ended:>width$}/{total}"));
        self.print(&format!("  {count} {sign} {}  {text}", self.subject(step)));
    }

    fn print(&self, line: &str) {
        locked(&self.state).said = Instant::now();
        let line = format!("{}{line}", self.label);
        match &self.live {
            // A log has no width: there a line stays one.
            Some(live) => live.lines.suspend(|| term::err(&term::hanging(&line, HANG))),
            None => term::err(&format!("{line}\n")),
        }
    }
}

impl State {
    /// `3 of 9 done after 12 s`
    fn count(&self) -> String {
        format!("{} of {} done after {}", self.ended, self.total, seconds(millis(self.began.elapsed())))
    }

    /// `3 of 9 done after 12 s; waiting for capacity of Auto Scaling group kapacitor-stage for 10 s`
    fn words(&self) -> String {
        let mut text = self.count();
        let longest = self.under_way.iter().min_by_key(|(_, since)| **since);
        if let Some((step, since)) = longest {
            let subject = self.subjects.get(step).map(String::as_str).unwrap_or_default();
            text.push_str(&format!("; {subject}: for {}", seconds(millis(since.elapsed()))));
        }
        if self.under_way.len() > 1 {
            text.push_str(&format!(", and {} more", self.under_way.len() - 1));
        }
        text
    }
}

/// Waits for a read of the cloud; after a while it says that it does. With nobody at the other end that goes on for longer.
pub(crate) async fn patiently<T>(read: impl Future<Output = T>) -> T {
    const WORDS: &str = "Waiting for the cloud to answer";
    let is_live = term::err_is_live();
    tokio::pin!(read);
    tokio::select! {
        result = &mut read => return result,
        () = tokio::time::sleep(if is_live { PATIENCE } else { SILENCE }) => {}
    }
    if !is_live {
        term::err(&format!("{WORDS} …\n"));
        return read.await;
    }
    let line = moving("{spinner} {msg} {elapsed}").with_message(WORDS);
    line.enable_steady_tick(TICK);
    let result = read.await;
    line.finish_and_clear();
    result
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

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds below a second, seconds with a tenth below ten, whole seconds below a minute, minutes and seconds above.
#[must_use]
pub(crate) fn seconds(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        10_000..60_000 => format!("{} s", ms / 1000),
        _ => format!("{} min {:02} s", ms / 60_000, ms / 1000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_as_people_tell_them() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (9_999, "9.9 s"),
            (59_999, "59 s"),
            (60_000, "1 min 00 s"),
            (3_725_000, "62 min 05 s"),
        ] {
            assert_eq!(seconds(ms), text);
        }
    }

    #[test]
    fn what_is_waited_for_is_named_and_for_how_long() {
        let now = Instant::now();
        let earlier = now.checked_sub(Duration::from_secs(40)).unwrap();
        let state = State {
            subjects: [(StepId(0), "wait for capacity Auto Scaling group demo".to_owned())].into(),
            total: 9,
            ended: 7,
            under_way: [(StepId(0), earlier), (StepId(1), now)].into(),
            began: earlier,
            said: now,
        };
        assert_eq!(state.words(), "7 of 9 done after 40 s; wait for capacity Auto Scaling group demo: for 40 s, and 1 more");
    }
}
