"""Where data comes from: one module a source, all with the interface app.domain.batch.Source. No Qt, nothing of the screen."""
