//! What a guest finds at the places where an image was put is what wasmtime would have put there: it hands back what it was given, and wasmtime reads it.

use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};
use wit_component::{ComponentEncoder, StringEncoding};

use super::*;
use crate::answer::tests::{full, plain};
use crate::convert::UserDataText;
use crate::returned::{Asking, Returned};
use crate::{AmiFacts, FactKind, Facts, SettingValue, SubnetFacts, VpcFacts, convert};

type Takes<'a> = (Given<'a, wit::Cluster>, Given<'a, wit::Facts>, Given<'a, [wit::Setting]>);
type Gives = ((wit::Cluster, wit::Facts, Vec<wit::Setting>),);

/// A component whose one function hands back its arguments as they lie in memory, and counts how often it was asked for memory.
fn echo(encoding: StringEncoding) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    resolve.push_str("policy.wit", include_str!("../../../../../wit/policy.wit")).unwrap();
    let package = resolve
        .push_str(
            "echo.wit",
            "package test:echo;
             world echo {
                 use kaphost:policy/types@0.1.0.{cluster, facts, setting};
                 export echo: func(cluster: cluster, facts: facts, settings: list<setting>) -> tuple<cluster, facts, list<setting>>;
                 export asked: func() -> u32;
             }",
        )
        .unwrap();
    let world = resolve.select_world(&[package], Some("echo")).unwrap();
    let mut module = wat::parse_str(
        r#"(module
            (memory (export "memory") 4)
            (global $next (mut i32) (i32.const 1003))
            (global $asked (mut i32) (i32.const 0))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
                (local.set $at (i32.and
                    (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
                    (i32.sub (i32.const 0) (local.get 2))))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (memory.copy (local.get $at) (local.get 0)
                    (select (local.get 1) (local.get 3) (i32.lt_u (local.get 1) (local.get 3))))
                (local.get $at))
            (func (export "echo") (param i32) (result i32) (local.get 0))
            (func (export "asked") (result i32) (global.get $asked)))"#,
    )
    .unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

struct Echo {
    store: Store<()>,
    instance: wasmtime::component::Instance,
}

impl Echo {
    fn new(encoding: StringEncoding) -> Self {
        let engine = Engine::new(&Config::new()).unwrap();
        let component = Component::new(&engine, echo(encoding)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        Self { store, instance }
    }

    /// What comes back, and how often memory was asked for meanwhile.
    fn call(&mut self, takes: Takes<'_>) -> ((wit::Cluster, wit::Facts, Vec<wit::Setting>), u32) {
        let Self { store, instance } = self;
        let asked = instance.get_typed_func::<(), (u32,)>(&mut *store, "asked").unwrap();
        let before = asked.call(&mut *store, ()).unwrap().0;
        let given = instance.get_typed_func::<Takes<'_>, Gives>(&mut *store, "echo").unwrap().call(&mut *store, takes).unwrap();
        (given.0, asked.call(&mut *store, ()).unwrap().0 - before)
    }
}

fn all_facts() -> Facts {
    let text = str::to_owned;
    Facts {
        account: Some(text("123456789012")),
        ami: Some(AmiFacts {
            id: text("ami-1"),
            owner: text("amazon"),
            name: text("al2023"),
            created: text("2026-01-01T00:00:00Z"),
            architecture: text("arm64"),
            root_device: text("/dev/xvda"),
        }),
        subnets: ["a", "b"]
            .map(|zone| SubnetFacts { id: text("subnet-1"), zone: text(zone), cidr: text("10.0.0.0/24"), auto_public_ip: zone == "b" })
            .into(),
        vpc: Some(VpcFacts { id: text("vpc-1"), cidrs: vec![text("10.0.0.0/16"), text("10.1.0.0/16")], is_default: true }),
    }
}

fn all_settings() -> Vec<wit::Setting> {
    let values = [
        SettingValue::Boolean(true),
        SettingValue::Integer(-7_000_000_000),
        SettingValue::Text("größer".into()),
        SettingValue::Texts(vec!["eins".into(), String::new(), "drei".into()]),
        SettingValue::Texts(Vec::new()),
    ];
    let named = values.into_iter().zip('a'..).map(|(value, name)| (name.to_string(), value));
    convert::settings(&crate::Settings::from(named.collect::<std::collections::BTreeMap<_, _>>()))
}

type Case = (Written<wit::Cluster>, Written<wit::Facts>, Written<Vec<wit::Setting>>);

/// Everything that the contract has, and as good as nothing.
fn cases() -> Vec<Case> {
    let granted = [FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc].into();
    let every = |cluster| {
        (
            Written::new(convert::cluster(&cluster, UserDataText::Shown)),
            Written::new(convert::facts(&all_facts(), &granted)),
            Written::new(all_settings()),
        )
    };
    let nothing = |cluster| {
        (
            Written::new(convert::cluster(&cluster, UserDataText::Hidden)),
            Written::new(convert::facts(&Facts::default(), &granted)),
            Written::new(Vec::new()),
        )
    };
    let mut image = full();
    image.ami = kaphost_spec::Ami::Ssm("/images/kapacitor".into());
    vec![every(full()), every(image), every(plain()), nothing(plain()), nothing(full())]
}

#[test]
fn a_guest_reads_an_image_as_what_it_is_an_image_of() {
    let mut echo = Echo::new(StringEncoding::UTF8);
    for (cluster, facts, settings) in cases() {
        let expected = (cluster.value.clone(), facts.value.clone(), settings.value.clone());
        let (back, asked) = echo.call((cluster.given(false), facts.given(false), settings.given(false)));
        assert_eq!(back, expected);
        assert!(asked > 10, "{asked}");
        let (back, asked) = echo.call((cluster.given(true), facts.given(true), settings.given(true)));
        assert_eq!(back, expected);
        // Once for the arguments, and once for what each of them points to.
        assert!(asked <= 4, "{asked}");
    }
}

#[test]
fn a_guest_with_other_texts_is_given_those() {
    for encoding in [StringEncoding::UTF16, StringEncoding::CompactUTF16] {
        let mut echo = Echo::new(encoding);
        for (cluster, facts, settings) in cases() {
            let expected = (cluster.value.clone(), facts.value.clone(), settings.value.clone());
            assert_eq!(echo.call((cluster.given(true), facts.given(true), settings.given(true))).0, expected);
        }
    }
}

type Back = ((Returned, wit::Facts, Vec<wit::Setting>),);

impl Echo {
    /// What is seen of the cluster that comes back.
    fn returned(&mut self, takes: Takes<'_>) -> Returned {
        let Self { store, instance } = self;
        let given = instance.get_typed_func::<Takes<'_>, Back>(&mut *store, "echo").unwrap().call(&mut *store, takes).unwrap();
        given.0.0
    }
}

#[test]
fn what_comes_back_as_it_went_is_seen_where_it_lies_and_every_change_of_it_too() {
    let changes: [fn(&mut wit::Cluster); 18] = [
        |it| it.name.push('x'),
        |it| it.ami = wit::Ami::Id("ami-0abcd1234".into()),
        |it| it.tenancy = wit::Tenancy::Default,
        |it| it.ebs_optimized = None,
        |it| it.spot = Some(wit::Spot { max_price: None }),
        |it| it.network.subnets[1].replace_range(..1, "S"),
        |it| it.network.public_ip = false,
        |it| it.ssh.port += 256,
        |it| it.ssh.allow[1].source = wit::Source::Cidr("sg-0abc1234".into()),
        |it| it.http.security_group = None,
        |it| it.egress[0].ports = Some((443, 445)),
        |it| it.metadata.hop_limit = 3,
        |it| it.root_volume.iops = Some(4_001),
        |it| drop(it.volumes.pop()),
        |it| it.user_data.as_mut().unwrap().size += 1,
        |it| it.iam.boundary = None,
        |it| it.tags[0].propagate ^= true,
        |it| it.kapacitor.as_mut().unwrap().tls = None,
    ];
    let mut echo = Echo::new(StringEncoding::UTF8);
    let (nothing, none) = (Written::new(convert::facts(&Facts::default(), &[].into())), Written::new(Vec::new()));
    for cluster in [full(), plain()] {
        let asked = Arc::new(Written::new(convert::cluster(&cluster, UserDataText::Shown)));
        for at_once in [true, false] {
            let mut takes = |written: &Written<wit::Cluster>| {
                echo.returned((written.given(at_once), nothing.given(at_once), none.given::<[wit::Setting]>(at_once)))
            };
            let asking = Asking::about(&asked);
            assert!(matches!(takes(&asked), Returned::Unchanged));
            drop(asking);
            assert!(matches!(takes(&asked), Returned::Other(it) if *it == asked.value), "nobody asked");
        }
    }
    let asked = Arc::new(Written::new(convert::cluster(&full(), UserDataText::Shown)));
    let _asking = Asking::about(&asked);
    for (n, change) in changes.into_iter().enumerate() {
        let mut changed = asked.value.clone();
        change(&mut changed);
        assert_ne!(changed, asked.value, "{n}");
        let changed = Written::new(changed);
        let back = echo.returned((changed.given(true), nothing.given(true), none.given::<[wit::Setting]>(true)));
        assert!(matches!(back, Returned::Other(it) if *it == changed.value), "{n}");
    }
}

#[test]
fn what_cannot_be_read_is_not_what_was_asked_about() {
    let cluster = convert::cluster(&full(), UserDataText::Shown);
    for memory in [&[][..], &[0; 64], &[0xff; 4_096]] {
        assert!(!cluster.is_at(memory, 0) && !cluster.is_at(memory, memory.len()) && !cluster.is_at(memory, usize::MAX / 2));
    }
    // A list at an odd place is none that a guest may point to: it is left to wasmtime to say so.
    let list = vec![1_u16, 2];
    let memory = [8, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0, 0];
    assert!(list.is_at(&memory, 0));
    let memory = [9, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0];
    assert!(!list.is_at(&memory, 0));
}
