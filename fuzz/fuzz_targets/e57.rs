#![no_main]

/// Bytes of a page, and of the checksum at its end.
const PAGE: usize = 1024;
const SUM: usize = 4;

// Pages are whole and get their checksums, because otherwise nothing but the header of a changed file would be read.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(PAGE), 0);
    for page in bytes.chunks_exact_mut(PAGE) {
        let (data, sum) = page.split_at_mut(PAGE - SUM);
        sum.copy_from_slice(&checksum(data).to_be_bytes());
    }
    haul_fuzz::read("a.e57", &bytes);
});

/// CRC-32C, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, byte)
}
