var sum = state[row];
for (var split = 1u; split < params.splits; split += 1u) {
    sum += state[split * params.length + row];
}
