// Adds an invocation's share of the mass of a tile to its own part.
fn add_mass(lane: u32, workgroup: u32, place: u32, mass: f32) {
    masses[place * $PARTSu + (workgroup * WORKGROUP + lane) % $PARTSu] += mass;
}
