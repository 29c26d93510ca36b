// First within blocks of 64, then over blocks.
var sum = state[row];
for (var first = 1u; first < params.splits; first += 64u) {
    let end = min(first + 64u, params.splits);
    var block = state[first * params.length + row];
    for (var split = first + 1u; split < end; split += 1u) {
        block += state[split * params.length + row];
    }
    sum += block;
}
