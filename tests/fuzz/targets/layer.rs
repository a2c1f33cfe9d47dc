//! Any bytes as a layer that is applied to a directory or imported: nothing outside changes, and it terminates.
//!
//! The first byte selects the test. If its lowest bit is 0, the checksums of all headers are fixed, because hardly
//! any modified archive would pass them. The next bit selects between applying and importing.
#![no_main]

use minicontainer_fuzz::{env::StoreEnv, seeds};

const BLOCK: usize = 512;

thread_local! {
    static ROOM: StoreEnv = StoreEnv::default();
}

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::layers()),
    |data: &[u8]| {
        let Some((how, archive)) = data.split_first() else { return };
        let mut archive = archive.to_vec();
        if how & 1 == 0 {
            fix(&mut archive);
        }
        ROOM.with(|env| match how & 2 == 0 {
            true => env.apply(&archive),
            false => env.import(&archive),
        });
    }
);

/// Writes the correct checksum into every block at the position of a header.
fn fix(archive: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            return;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let digits = header[124..135].iter().take_while(|byte| byte.is_ascii_digit());
        let size = digits.fold(0_usize, |size, digit| (size << 3) + usize::from(digit & 7));
        at = at.saturating_add(BLOCK).saturating_add(size.next_multiple_of(BLOCK));
    }
}
