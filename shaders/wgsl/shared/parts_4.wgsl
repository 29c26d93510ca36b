// A state of 4 values a row.
alias Value = vec4<f32>;

fn part(value: Value, index: u32) -> f32 {
    return value[index];
}

const PARTS: u32 = 4u;
