//! A page with everything on it, and words that would rather be markup.

use kaphost_report::{
    Change, Effect, Fate, Kind, Leaf, Outcome, Page, Plan, Policy, Resource, Round, Run, Source, Step, Verdict, Violation, Waiver, html,
};

/// Everything that a page can tell, with this in the place of every word.
fn full(word: &str) -> Page {
    let own = || word.to_owned();
    let leaf = |name: &str| Leaf { name: name.to_owned(), old: Some(own()), new: Some(own()), by: Some(own()) };
    let resource = |kind, fate| Resource { kind, name: own(), fate, leaves: vec![leaf("image")], note: Some(own()) };
    let step = |outcome, started_ms, took_ms, wait| Step { operation: own(), subject: own(), wait, started_ms, took_ms, outcome };
    let violation = |effect, waiver| Violation {
        policy: 0,
        rule: own(),
        severity: "high".to_owned(),
        effect,
        waiver,
        path: "ssh.allow[\"0.0.0.0/0\"]".to_owned(),
        message: own(),
        help: Some(own()),
        url: Some("https://example.com/rule".to_owned()),
        line: Some(2),
    };
    let change = |advice: bool| Change {
        path: "tenancy".to_owned(),
        old: advice.then(own),
        new: Some(own()),
        policy: 0,
        rule: own(),
        reason: own(),
        advice,
        loosens: advice,
        line: Some(1),
    };
    Page {
        evidence: vec![("Config".to_owned(), own())],
        remarks: vec![own()],
        source: Source::Shown { file: own(), lines: vec![format!("cluster \"{word}\" {{"), own(), "}".to_owned()] },
        policies: vec![Policy {
            name: own(),
            version: "0.1.0".to_owned(),
            sha256: "0123456789abcdef".to_owned(),
            enforcement: "mandatory".to_owned(),
            set: Some(own()),
            world: "policy".to_owned(),
        }],
        changes: vec![change(false), change(true)],
        violations: vec![violation(Effect::Denied, None), violation(Effect::Advised, None), violation(Effect::Waived, Some(0))],
        waivers: vec![Waiver {
            policy: own(),
            rule: own(),
            value: Some(own()),
            owner: own(),
            ticket: own(),
            reason: own(),
            expires: "2027-01-01T00:00:00Z".to_owned(),
            place: own(),
            state: "used".to_owned(),
            waived: 1,
        }],
        plan: Some(Plan {
            resources: vec![
                resource(Kind::AutoScalingGroup, Fate::Changed),
                resource(Kind::LaunchTemplate, Fate::Created),
                resource(Kind::SecurityGroupRule, Fate::Deleted),
            ],
            kept: vec![own()],
        }),
        run: Some(Run {
            end: own(),
            complete: false,
            rounds: vec![Round {
                took_ms: 65_000,
                steps: vec![
                    step(Outcome::Done, Some(0), Some(120), false),
                    step(Outcome::Met, Some(120), Some(20), false),
                    step(Outcome::Done, Some(140), Some(60_000), true),
                    step(Outcome::Failed(own()), Some(60_140), None, false),
                    step(Outcome::CutShort, Some(60_140), None, true),
                    step(Outcome::NotStarted, None, None, false),
                ],
            }],
        }),
        outputs: vec![("asg_name".to_owned(), own())],
        ..Page::new(word, Verdict::Denied)
    }
}

#[test]
fn everything_is_on_the_page() {
    insta::assert_snapshot!(html(&full("word")).replace('>', ">\n"));
}

#[test]
fn a_page_of_nothing_but_a_verdict_is_one_too() {
    let page = html(&Page::new("demo", Verdict::Admitted));
    assert!(page.contains("No policy was asked.") && page.contains("The text is not shown: no config is known."));
    assert!(!page.contains("id=\"timeline\"") && !page.contains("id=\"resources\""));
}

/// The same markup whatever the words are, and none of them in it as markup.
#[test]
fn no_word_becomes_markup() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\u{202e}\u{1b}]0;x\u{7}";
    let tags =
        |page: &str| page.split('<').skip(1).filter_map(|part| part.split([' ', '>', '\n']).next()).map(str::to_owned).collect::<Vec<_>>();
    let (plain, hostile) = (html(&full("word")), html(&full(HOSTILE)));
    assert_eq!(tags(&plain), tags(&hostile));
    assert!(hostile.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
    for unseen in ['\u{202e}', '\u{1b}', '\u{7}'] {
        assert!(!hostile.contains(unseen));
    }
}

#[test]
fn an_address_is_a_link_only_when_it_leads_to_the_web() {
    let mut page = full("word");
    page.violations[0].url = Some("javascript:alert(1)".to_owned());
    let text = html(&page);
    assert!(!text.contains("href=\"javascript") && text.contains("javascript:alert(1)"));
    assert!(text.contains("href=\"https://example.com/rule\""));
}

/// What the policy of the page forbids, and that the page's own style is what it allows.
#[test]
fn nothing_but_the_style_may_take_effect() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let page = html(&full("word"));
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map(|(style, _)| style).unwrap();
    let digest = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(style.as_bytes()));
    assert!(page.contains(&format!("content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\"")));
    assert!(!style.contains("url(") && !style.contains("@import") && !page.contains(" style="));
    let addresses = ["http://", "https://"].map(|start| page.matches(start).count());
    assert_eq!(addresses, [0, 6], "no address but those of rules: {addresses:?}");
}

/// Colours that can be told apart, by day and by night: WCAG's contrast of every text colour on every ground it stands on.
#[test]
fn every_colour_can_be_read() {
    let style = include_str!("../src/style.css");
    let (day, night) = (style.lines().next().unwrap(), style.lines().nth(1).unwrap());
    for scheme in [day, night] {
        let colour = |name: &str| {
            let hex = scheme.split(&format!("--{name}: #")).nth(1).unwrap().split(';').next().unwrap().to_owned();
            let hex = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex };
            let channel = |at: usize| {
                let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
        };
        for text in ["text", "soft", "good", "bad", "warn", "link"] {
            for ground in ["page", "card", "track"] {
                let (a, b) = (colour(text), colour(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2} in {scheme}");
            }
        }
    }
}
