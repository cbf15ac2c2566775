//! What the start leaves in memory.

use std::{fs, io, os::raw::c_void, ptr};

use rustix::mm::{Advice, madvise};

/// Lets go of the program's own pages that the start has read: making every route and checking the database touches a third of
/// the program, most of it once. What runs later is mapped again as it is needed, from the file's pages that the system keeps.
///
/// # Errors
/// When the system does not tell the program's mappings, or refuses.
pub(crate) fn let_go_of_start() -> io::Result<()> {
    let program = std::env::current_exe()?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    for (start, len) in unchanged(&maps, &program.to_string_lossy()) {
        // SAFETY: the pages belong to a mapping of the program's file that cannot be written and is not changed by relocation
        // (code, and the constants at the file's beginning), so dropping them loses nothing: the next use reads the file.
        #[expect(unsafe_code, reason = "no safe interface drops pages")]
        unsafe {
            madvise(ptr::without_provenance_mut::<c_void>(start), len, Advice::LinuxDontNeed)?;
        }
    }
    Ok(())
}

/// Start and length of the mappings of `program` that hold exactly what the file holds, from the text of `/proc/self/maps`
/// (`proc_pid_maps(5)`). Constants that hold addresses are changed when the program is loaded and made read-only afterwards; they
/// never stand at the file's beginning.
fn unchanged<'a>(maps: &'a str, program: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    maps.lines().filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, permissions, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let path = fields.nth(2)?;
        let begins = u64::from_str_radix(offset, 16) == Ok(0);
        if path != program || !(permissions == "r-xp" || (permissions == "r--p" && begins)) {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        Some((start, end.checked_sub(start)?))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    const MAPS: &str = "\
55d0a0000000-55d0a1a1f000 r--p 00000000 fe:00 1  /opt/muster
55d0a1a1f000-55d0a57df000 r-xp 01a1e000 fe:00 1  /opt/muster
55d0a57df000-55d0a5994000 r--p 057dd000 fe:00 1  /opt/muster
55d0a5994000-55d0a59a5000 rw-p 05991000 fe:00 1  /opt/muster
55d0a6000000-55d0a6021000 rw-p 00000000 00:00 0  [heap]
7f0000000000-7f0000028000 r--p 00000000 fe:00 2  /lib/libc.so.6
7f0000028000-7f0000200000 r-xp 00028000 fe:00 2  /lib/libc.so.6
7f0000300000-7f0000301000 rw-p 00000000 00:00 0 
";

    #[test]
    fn only_code_and_plain_constants_of_the_program_are_let_go() {
        let found: Vec<_> = unchanged(MAPS, "/opt/muster").collect();
        assert_eq!(found, [(0x55d0_a000_0000, 0x1a1_f000), (0x55d0_a1a1_f000, 0x3dc_0000)]);
    }

    #[test]
    fn the_program_goes_on_and_holds_less() {
        let resident = || {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
            line.split_ascii_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let program = std::env::current_exe().unwrap();
        let mappings: Vec<_> = unchanged(&maps, &program.to_string_lossy()).collect();
        let memory = fs::File::open("/proc/self/mem").unwrap();
        let mut pages = 0;
        for (start, len) in mappings {
            for at in (start..start + len).step_by(4096) {
                memory.read_exact_at(&mut [0], at as u64).unwrap();
                pages += 1;
            }
        }
        assert!(pages > 0 && resident() >= pages * 4, "{} KiB of {pages} pages", resident());
        let_go_of_start().unwrap();
        assert!(resident() < pages * 2, "{} KiB of {pages} pages", resident());
    }
}
