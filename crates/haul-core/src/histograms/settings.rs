//! What [`Barycenter`](crate::Barycenter) and [`Descent`](crate::Descent) have in common, defined once.

/// λ, the number of iterations, and the calls. The type has the fields `sinkhorn` and `lambda`, and an async method
/// `average` that takes an observer.
macro_rules! average_settings {
    ($type:ty) => {
        impl $type {
            fn sinkhorn_mut(&mut self) -> &mut $crate::Sinkhorn {
                &mut self.sinkhorn
            }

            /// λ, a number ≥ 0 for each input; scaled to a sum of 1. By default all are equal.
            pub fn lambda(mut self, lambda: &[f64]) -> Self {
                self.lambda = Some(lambda.to_vec());
                self
            }

            /// The largest number of iterations. Default 10 000.
            pub fn max_iterations(mut self, iterations: usize) -> Self {
                self.sinkhorn.max_iterations = iterations;
                self
            }

            /// The average of inputs on the points of the first one, with uniform weights on the support: for example all
            /// pixels, if the inputs are images.
            ///
            /// # Errors
            ///
            /// Those of [`solve_on`](Self::solve_on).
            pub fn solve<E: $crate::Engine + Clone>(
                &self,
                engine: E,
                inputs: &[$crate::Measure],
            ) -> $crate::Result<$crate::Average> {
                $crate::block_on(self.solve_async(engine, inputs))
            }

            /// [`solve`](Self::solve) without blocking a thread while it waits for the device.
            ///
            /// # Errors
            ///
            /// Those of [`solve_on`](Self::solve_on).
            pub async fn solve_async<E: $crate::Engine + Clone>(
                &self,
                engine: E,
                inputs: &[$crate::Measure],
            ) -> $crate::Result<$crate::Average> {
                let first = inputs.first().ok_or($crate::Error::EmptyCloud)?;
                let support = first.clone().with_weights(&vec![1.0; first.len()])?;
                self.solve_on_async(engine, &support, inputs).await
            }

            /// The average of inputs on the points of `support`. Its weights, all positive, are the reference m of a
            /// [`Barycenter`](crate::Barycenter) and the start of a [`Descent`](crate::Descent). Inputs may have points
            /// of their own, and all have the same mass.
            ///
            /// # Errors
            ///
            /// [`Error::Input`](crate::Error::Input) for an input with a different mass or dimension;
            /// [`Error::BadParameter`](crate::Error::BadParameter) for λ, and [`Error::Length`](crate::Error::Length)
            /// if there is not one λ for each input; [`Error::BadWeight`](crate::Error::BadWeight) for a weight 0 of
            /// the support; and those of [`Sinkhorn::solve`](crate::Sinkhorn::solve).
            pub fn solve_on<E: $crate::Engine + Clone>(
                &self,
                engine: E,
                support: &$crate::Measure,
                inputs: &[$crate::Measure],
            ) -> $crate::Result<$crate::Average> {
                $crate::block_on(self.solve_on_async(engine, support, inputs))
            }

            /// [`solve_on`](Self::solve_on) without blocking a thread while it waits for the device.
            ///
            /// # Errors
            ///
            /// Those of [`solve_on`](Self::solve_on).
            pub async fn solve_on_async<E: $crate::Engine + Clone>(
                &self,
                engine: E,
                support: &$crate::Measure,
                inputs: &[$crate::Measure],
            ) -> $crate::Result<$crate::Average> {
                let mut observer = |_: &$crate::Progress| std::ops::ControlFlow::Continue(());
                self.average(engine, support, inputs, &mut observer).await
            }

            /// [`solve_on`](Self::solve_on) that reports its progress, and ends early if the observer breaks.
            ///
            /// # Errors
            ///
            /// Those of [`solve_on`](Self::solve_on).
            pub fn solve_on_observed<E: $crate::Engine + Clone>(
                &self,
                engine: E,
                support: &$crate::Measure,
                inputs: &[$crate::Measure],
                mut observer: impl FnMut(&$crate::Progress) -> std::ops::ControlFlow<$crate::Stop>
                + Send,
            ) -> $crate::Result<$crate::Average> {
                $crate::block_on(self.average(engine, support, inputs, &mut observer))
            }
        }
    };
}
