//! The masking of client frames (RFC 6455 section 5.3).

/// Masks or unmasks `data` in place; `key` applies to its first byte.
///
/// The body goes by words of eight bytes in a loop that the compiler turns into vector code.
pub(super) fn apply(data: &mut [u8], key: [u8; 4]) {
    let word = u64::from_ne_bytes([
        key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3],
    ]);
    let (words, rest) = data.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// The key as it applies after `count` bytes have been masked.
pub(super) fn rotate(mut key: [u8; 4], count: usize) -> [u8; 4] {
    key.rotate_left(count % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::{apply, rotate};

    #[test]
    fn pieces_mask_like_the_whole() {
        let key = [1, 2, 4, 8];
        let plain: Vec<u8> = (0..100).collect();
        for length in 0..plain.len() {
            let expected: Vec<u8> = plain[..length]
                .iter()
                .enumerate()
                .map(|(i, byte)| byte ^ key[i % 4])
                .collect();
            for cut in 0..=length {
                let mut data = plain[..length].to_vec();
                let (head, tail) = data.split_at_mut(cut);
                apply(head, key);
                apply(tail, rotate(key, cut));
                assert_eq!(data, expected, "{length} cut at {cut}");
            }
        }
    }
}
