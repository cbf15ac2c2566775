//! What Docker is asked for (Docker Engine API, `ContainerCreate`).

use std::{collections::HashMap, path::Path};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountType,
    ResourcesUlimits,
};
use shim::protocol::{FOLDER, HOME, PROGRAM, WORK};

use super::user::User;
use crate::{Settings, Spec, host::Part};

/// Marks our containers and tells which.
pub(super) const SANDBOX: &str = "muster.sandbox";
/// Of which installation a container is, by its registry.
pub(super) const REGISTRY: &str = "muster.registry";
pub(super) const STATE: &str = "muster.state";
/// Before labels of the caller.
pub(super) const LABEL: &str = "muster.label.";

const SHARED_MEMORY: i64 = 64 << 20;

/// What the container is made from.
pub(super) struct Parts<'a> {
    pub(super) image: &'a str,
    /// To be shown of this machine.
    pub(super) host: &'a [Part],
    pub(super) user: User,
    /// The shim's argument.
    pub(super) start: String,
}

pub(super) fn name(id: &str) -> String {
    format!("muster-{id}")
}

pub(super) fn body(settings: &Settings, spec: &Spec, parts: &Parts<'_>) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(parts.image.to_owned()),
        hostname: Some("muster".to_owned()),
        user: Some(format!("{}:{}", parts.user.uid, parts.user.gid)),
        env: Some(spec.environment().iter().map(|(name, value)| format!("{name}={value}")).collect()),
        entrypoint: Some([PROGRAM, "init", &parts.start].map(str::to_owned).to_vec()),
        cmd: Some(Vec::new()),
        working_dir: Some("/".to_owned()),
        network_disabled: Some(true),
        labels: Some(labels(settings, spec)),
        host_config: Some(host_config(settings, spec, parts)),
        ..ContainerCreateBody::default()
    }
}

fn labels(settings: &Settings, spec: &Spec) -> HashMap<String, String> {
    let own = [
        (SANDBOX, spec.id.clone()),
        (REGISTRY, settings.registry.display().to_string()),
        (STATE, spec.state.display().to_string()),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    own.chain(spec.labels.iter().map(|(name, value)| (format!("{LABEL}{name}"), value.clone()))).collect()
}

fn host_config(settings: &Settings, spec: &Spec, parts: &Parts<'_>) -> HostConfig {
    let limits = &spec.limits;
    let memory = number(limits.memory_bytes);
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        readonly_rootfs: Some(true),
        tmpfs: Some(temporary(limits.temporary_bytes, parts.user)),
        shm_size: Some(SHARED_MEMORY),
        mounts: Some(mounts(settings, spec, parts)),
        memory: Some(memory),
        // Memory and swap together, so no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(number(limits.cpu_millis.saturating_mul(1_000_000))),
        pids_limit: Some(number(limits.pids)),
        ulimits: Some(vec![ResourcesUlimits { name: Some("core".to_owned()), soft: Some(0), hard: Some(0) }]),
        // The shim is the first process and reaps.
        init: Some(false),
        // Kept until it is destroyed: a reconciler must see what ended.
        auto_remove: Some(false),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some([("max-size", "64k"), ("max-file", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
        }),
        runtime: settings.runtime.clone(),
        ..HostConfig::default()
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Docker's own temporary file systems run no programs; tests and builds do.
fn temporary(bytes: u64, user: User) -> HashMap<String, String> {
    let own = format!("rw,exec,nosuid,nodev,size={bytes},mode=0700,uid={},gid={}", user.uid, user.gid);
    let shared = format!("rw,exec,nosuid,nodev,size={bytes},mode=1777");
    [("/tmp", shared.clone()), ("/var/tmp", shared), (HOME, own)].map(|(at, how)| (at.to_owned(), how)).into()
}

fn mounts(settings: &Settings, spec: &Spec, parts: &Parts<'_>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = parts
        .host
        .iter()
        .filter_map(|part| match part {
            Part::Folder(path) => Some(bind(path, path, true)),
            Part::At(from, to) => Some(bind(from, to, true)),
            // Links are part of the image.
            Part::Link(..) => None,
        })
        .collect();
    mounts.push(bind(&settings.shim, Path::new(PROGRAM), true));
    mounts.push(bind(&spec.state, Path::new(FOLDER), false));
    mounts.push(bind(&spec.workspace, Path::new(WORK), false));
    mounts
}

fn bind(from: &Path, to: &Path, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(from.display().to_string()),
        target: Some(to.display().to_string()),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{Image, Limits};

    /// Every field, so that a new one of Docker's is decided about here too.
    #[test]
    fn the_host_config_is_as_narrow_as_docker_makes_it() {
        let spec = Spec {
            id: "one".to_owned(),
            workspace: "/data/work".into(),
            state: "/data/state".into(),
            labels: BTreeMap::from([("run".to_owned(), "7".to_owned())]),
            limits: Limits {
                cpu_millis: 1500,
                memory_bytes: 256 << 20,
                pids: 99,
                disk_bytes: 1 << 30,
                temporary_bytes: 1 << 20,
                wall: Duration::from_secs(60),
            },
            image: Image::Host,
            egress: None,
            env: BTreeMap::new(),
        };
        let settings = Settings {
            shim: "/data/shim".into(),
            registry: "/data/registry".into(),
            runtime: Some("runsc".to_owned()),
            ..Settings::default()
        };
        let host = [Part::Folder("/usr".into()), Part::Link("/bin".into(), "usr/bin".into())];
        let parts = Parts { image: "i", host: &host, user: User { uid: 1000, gid: 1000 }, start: "{}".to_owned() };
        let body = body(&settings, &spec, &parts);
        assert_eq!(body.user.as_deref(), Some("1000:1000"));
        assert_eq!(body.network_disabled, Some(true));
        let labels = body.labels.unwrap();
        assert_eq!((labels[SANDBOX].as_str(), labels["muster.label.run"].as_str()), ("one", "7"));
        let shown = serde_json::to_value(body.host_config.unwrap()).unwrap();
        let bind = |from: &str, to: &str, read_only: bool| serde_json::json!({ "Type": "bind", "Source": from, "Target": to, "ReadOnly": read_only });
        let expected = serde_json::json!({
            "NetworkMode": "none",
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "Privileged": false,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "ReadonlyRootfs": true,
            "Tmpfs": {
                "/tmp": "rw,exec,nosuid,nodev,size=1048576,mode=1777",
                "/var/tmp": "rw,exec,nosuid,nodev,size=1048576,mode=1777",
                "/home/agent": "rw,exec,nosuid,nodev,size=1048576,mode=0700,uid=1000,gid=1000",
            },
            "ShmSize": 67_108_864,
            "Mounts": [
                bind("/usr", "/usr", true),
                bind("/data/shim", "/run/muster-shim", true),
                bind("/data/state", "/run/muster", false),
                bind("/data/work", "/work", false),
            ],
            "Memory": 268_435_456,
            "MemorySwap": 268_435_456,
            "NanoCpus": 1_500_000_000,
            "PidsLimit": 99,
            "Ulimits": [{ "Name": "core", "Soft": 0, "Hard": 0 }],
            "Init": false,
            "AutoRemove": false,
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "64k", "max-file": "1" } },
            "Runtime": "runsc",
        });
        assert_eq!(shown, expected);
    }
}
