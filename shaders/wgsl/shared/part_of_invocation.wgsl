// Adds what an invocation has of a tile's mass to a part of its own.
fn add_mass(lane: u32, workgroup: u32, place: u32, mass: f32) {
    masses[place * $PARTSu + (workgroup * WORKGROUP + lane) % $PARTSu] += mass;
}
