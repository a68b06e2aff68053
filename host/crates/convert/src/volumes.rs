//! Root and further volumes. The module encrypts neither unless told, and takes gp2; kaphost's own defaults are gp3, encrypted.

use crate::finding::Code;
use crate::kdl::{Fragment, Line, Writer, quoted};
use crate::module::{Arguments, Given};
use crate::server::{joined, maybe};
use crate::value::{Item, Value};

/// The types that take IOPS. The provider sends them for no other.
const WITH_IOPS: [&str; 3] = ["gp3", "io1", "io2"];

pub(crate) fn root(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    const IOPS: &str = "root_volume_iops";
    const DELETE: &str = "root_volume_delete_on_termination";
    let volume_type = maybe(arguments.text("root_volume_type"), out);
    let size = maybe(arguments.whole("root_volume_size"), out);
    let iops = maybe(arguments.whole(IOPS), out);
    let delete = maybe(arguments.flag(DELETE), out);
    let kind = volume_type.as_ref().map_or("gp2", |given| &given.value);
    let iops = match iops {
        Some(iops) if !WITH_IOPS.contains(&kind) => {
            let message = format!("`{IOPS}` means nothing for a volume of type {kind}");
            out.note(arguments.name(Code::WithoutEffect, IOPS, iops.place, message, "leave it out, or take type \"io1\" or \"gp3\""));
            None
        }
        iops => iops,
    };
    let remark = joined([
        volume_type.as_ref().and_then(Given::origin),
        size.as_ref().and_then(Given::origin),
        Some("the module does not encrypt it; kaphost's own default is gp3, encrypted".to_owned()),
    ]);
    let line = Line::new("root-volume")
        .property("type", volume_type.map_or_else(|| Fragment::own("\"gp2\""), |given| text(&given, "root_volume_type")))
        .property("size", size.map_or_else(|| Fragment::own("50"), |given| number(&given, "root_volume_size")))
        .maybe("iops", iops.map(|given| number(&given, IOPS)))
        .property("encrypted", Fragment::own("#false"))
        .maybe("delete-on-termination", delete.map(|given| Fragment::said(format!("#{}", given.value), DELETE, &given.place)))
        .maybe_remark(remark);
    out.node(line);
}

fn text(given: &Given<String>, name: &str) -> Fragment {
    Fragment::said(quoted(&given.value), name, &given.place)
}

fn number(given: &Given<u64>, name: &str) -> Fragment {
    Fragment::said(given.value.to_string(), name, &given.place)
}

const DEVICES: &str = "ebs_block_devices";
/// The keys of a device that the module looks at.
const KEYS: [&str; 8] =
    ["device_name", "volume_type", "volume_size", "iops", "encrypted", "delete_on_termination", "snapshot_id", "no_device"];

pub(crate) fn further(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    let Some(devices) = maybe(arguments.list(DEVICES), out) else { return };
    for item in &devices.value {
        match &item.value {
            Value::Object(fields) => device(arguments, item, fields, devices.origin(), out),
            other => out.note(arguments.wrong(DEVICES, &item.place, "objects with device_name and so on", other)),
        }
    }
}

/// Reads the fields of one device; what is of no use is named.
struct Fields<'f> {
    fields: &'f [(String, Item)],
}

impl Fields<'_> {
    /// A field as what it has to be. Null and absence are the same here: the module looks each up with null as its default.
    fn read<T>(
        &self,
        (arguments, out): (&mut Arguments<'_, '_>, &mut Writer),
        name: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<(T, Fragment)>
    where
        T: KdlValue,
    {
        let (_, item) = self.fields.iter().rev().find(|(field, item)| field == name && item.value != Value::Null)?;
        match read(&item.value) {
            Some(value) => {
                let fragment = Fragment::said(value.kdl(), DEVICES, &item.place);
                Some((value, fragment))
            }
            None => {
                out.note(arguments.wrong(DEVICES, &item.place, wanted, &item.value));
                None
            }
        }
    }
}

trait KdlValue {
    fn kdl(&self) -> String;
}

impl KdlValue for String {
    fn kdl(&self) -> String {
        quoted(self)
    }
}

impl KdlValue for u64 {
    fn kdl(&self) -> String {
        self.to_string()
    }
}

impl KdlValue for bool {
    fn kdl(&self) -> String {
        format!("#{self}")
    }
}

fn device(arguments: &mut Arguments<'_, '_>, item: &Item, fields: &[(String, Item)], origin: Option<String>, out: &mut Writer) {
    for (key, value) in fields.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
        let message = format!("the module does not look at `{key}` of a device");
        let help = "leave it out, or write what it was to do behind `volume`";
        out.note(arguments.name(Code::WithoutEffect, DEVICES, value.place.clone(), message, help));
    }
    let fields = Fields { fields };
    let name = fields.read((&mut *arguments, &mut *out), "device_name", "text", Value::text);
    if let Some((true, _)) = fields.read((&mut *arguments, &mut *out), "no_device", "true or false", Value::flag) {
        let device = name.map_or_else(String::new, |(name, _)| format!(" {name}"));
        let message = format!("`no_device` takes the image's device{device} away, which a config cannot say");
        let help = "make an image without it, or leave the volume as the image has it";
        return out.note(arguments.name(Code::NotConvertible, DEVICES, item.place.clone(), message, help));
    }
    let volume_type = fields.read((&mut *arguments, &mut *out), "volume_type", "text", Value::text);
    let size = fields.read((&mut *arguments, &mut *out), "volume_size", "a whole number", Value::whole);
    let mut iops = fields.read((&mut *arguments, &mut *out), "iops", "a whole number", Value::whole);
    let encrypted = fields.read((&mut *arguments, &mut *out), "encrypted", "true or false", Value::flag);
    let delete = fields.read((&mut *arguments, &mut *out), "delete_on_termination", "true or false", Value::flag);
    let snapshot = fields.read((&mut *arguments, &mut *out), "snapshot_id", "text", Value::text).filter(|(id, _)| !id.is_empty());
    let kind = volume_type.as_ref().map_or("gp2", |(kind, _)| kind);
    if !WITH_IOPS.contains(&kind) && iops.take().is_some() {
        let message = format!("`iops` means nothing for a volume of type {kind}");
        out.note(arguments.name(
            Code::WithoutEffect,
            DEVICES,
            item.place.clone(),
            message,
            "leave it out, or take type \"io1\" or \"gp3\"",
        ));
    }
    let size = size.map(|(_, size)| size).unwrap_or_else(|| {
        // What AWS takes from the snapshot, or refuses.
        let problem = if snapshot.is_some() { "takes its size from a snapshot" } else { "has no `volume_size`" };
        out.note(arguments.needed(
            DEVICES,
            item.place.clone(),
            format!("a device {problem}, and a `volume` needs one"),
            "write GiB: `size=100`",
        ));
        Fragment::placeholder("volume_size")
    });
    let name = name.map(|(_, name)| name).unwrap_or_else(|| {
        let help = "write it: `volume \"/dev/xvdh\"`";
        out.note(arguments.needed(DEVICES, item.place.clone(), "the `device_name` of a device is not known".to_owned(), help));
        Fragment::placeholder("device_name")
    });
    let safer = match (&encrypted, &snapshot) {
        (Some(_), _) => None,
        (None, None) => Some("the module does not encrypt it; kaphost's own default does".to_owned()),
        (None, Some(_)) => Some("with the module the snapshot decides; kaphost's own default encrypts".to_owned()),
    };
    let line = Line::new("volume")
        .argument(name)
        .property("type", volume_type.map_or_else(|| Fragment::own("\"gp2\""), |(_, kind)| kind))
        .property("size", size)
        .maybe("iops", iops.map(|(_, iops)| iops))
        .property("encrypted", encrypted.map_or_else(|| Fragment::own("#false"), |(_, encrypted)| encrypted))
        .maybe("delete-on-termination", delete.map(|(_, delete)| delete))
        .maybe("snapshot", snapshot.map(|(_, snapshot)| snapshot))
        .maybe_remark(joined([origin, safer]));
    out.node(line);
}
