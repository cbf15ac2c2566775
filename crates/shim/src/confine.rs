//! What a command may not do, beyond what its namespaces already keep from it.

use std::{collections::BTreeMap, fs, io, path::Path};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    Scope,
};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

/// Calls that a program being developed does not need and that have opened sandboxes before: mounts and namespaces, other
/// processes' memory, kernel keys, modules and tracing, and `io_uring`, which goes around filters like this one. After the
/// list of Docker's default profile.
const REFUSED: &[i64] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Families of sockets that network namespaces do not keep in: virtual machine sockets reach the machine's host.
const FAMILIES: [i32; 3] = [libc::AF_VSOCK, libc::AF_ALG, libc::AF_PACKET];

/// In the number of a call with the x32 ABI, which would pass a list of the usual numbers.
const X32: u32 = 0x4000_0000;

/// Puts the filters on this process. It must not gain privileges afterwards, which this also sees to.
pub(crate) fn filter_calls() -> io::Result<()> {
    nix::sys::prctl::set_no_new_privs()?;
    for program in [foreign_numbers(), clone3()?, refused()?] {
        seccompiler::apply_filter(&program).map_err(io::Error::other)?;
    }
    Ok(())
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> io::Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

fn refused() -> io::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let new_user = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    // The kernel looks at 32 bits of each of these; comparing 64 would let set upper bits through.
    let is = |argument, test, value| {
        let condition =
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, test, value).map_err(io::Error::other)?;
        SeccompRule::new(vec![condition]).map_err(io::Error::other)
    };
    rules.insert(libc::SYS_clone, vec![is(0, SeccompCmpOp::MaskedEq(new_user), new_user)?]);
    let families = FAMILIES.iter().map(|family| is(0, SeccompCmpOp::Eq, u64::from(family.unsigned_abs())));
    rules.insert(libc::SYS_socket, families.collect::<io::Result<_>>()?);
    // Typing into the terminal of somebody else.
    rules.insert(libc::SYS_ioctl, vec![is(1, SeccompCmpOp::Eq, libc::TIOCSTI)?]);
    compile(rules, libc::EPERM)
}

/// Its flags stand in memory, where a filter cannot look. Told "no such call", the C library takes `clone`.
fn clone3() -> io::Result<BpfProgram> {
    compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
}

/// Refuses the x32 ABI, by hand: load the number; if it has the bit, answer ENOSYS; else allow (seccomp(2)).
fn foreign_numbers() -> BpfProgram {
    let (load, jump, give) = (0x20, 0x35, 0x06);
    let (refuse, allow) = (0x0005_0000 | libc::ENOSYS.unsigned_abs(), 0x7fff_0000);
    vec![
        sock_filter { code: load, jt: 0, jf: 0, k: 0 },
        sock_filter { code: jump, jt: 0, jf: 1, k: X32 },
        sock_filter { code: give, jt: 0, jf: 0, k: refuse },
        sock_filter { code: give, jt: 0, jf: 0, k: allow },
    ]
}

/// Keeps the shared folder, with its socket and what commands said, out of a command's reach, and the processes outside of
/// it out of reach of its signals (Landlock). Without Landlock in the kernel this does nothing.
pub(crate) fn hide(folder: &Path) -> io::Result<()> {
    let everything = AccessFs::from_all(ABI::V5);
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.handle_access(everything).map_err(io::Error::other)?;
    let ruleset = ruleset.scope(Scope::Signal).map_err(io::Error::other)?;
    let mut ruleset = ruleset.create().map_err(io::Error::other)?;
    // Rights only add up from the root downwards, so everything beside the way to the folder is named.
    let mut way = Path::new("/").to_owned();
    for step in folder.strip_prefix("/").map_err(io::Error::other)?.components() {
        let listing = PathBeneath::new(PathFd::new(&way).map_err(io::Error::other)?, AccessFs::ReadDir);
        ruleset = ruleset.add_rule(listing).map_err(io::Error::other)?;
        let next = way.join(step);
        for beside in fs::read_dir(&way)?.filter_map(Result::ok).map(|entry| entry.path()) {
            // What cannot be opened, like a broken link, needs no right.
            if let Some(opened) = PathFd::new(&beside).ok().filter(|_| beside != next) {
                ruleset = ruleset.add_rule(PathBeneath::new(opened, everything)).map_err(io::Error::other)?;
            }
        }
        way = next;
    }
    ruleset.restrict_self().map_err(io::Error::other)?;
    Ok(())
}
