//! Memory aligned to vectors of 64 bytes: a load that crosses two cache lines takes twice as
//! long.

use std::ops::{Deref, DerefMut};

#[derive(Debug)]
pub(crate) struct Aligned<T> {
    memory: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Copy> Aligned<T> {
    pub(crate) fn filled(length: usize, value: T) -> Self {
        let slack = 64 / size_of::<T>();
        let memory = vec![value; length + slack];
        // The offset may be unknown to the compiler, but then only speed is lost.
        let start = memory.as_ptr().align_offset(64).min(slack);
        Self {
            memory,
            start,
            length,
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..self.start + self.length]
    }
}
