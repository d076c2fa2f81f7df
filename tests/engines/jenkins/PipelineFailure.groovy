/** What ends a step, and with it the steps around it, until something catches it. */
class PipelineFailure extends RuntimeException {
    final String result

    PipelineFailure(String message, String result = 'FAILURE') {
        super(message)
        this.result = result
    }

    /** The failure that any exception out of a pipeline's own code amounts to. */
    static PipelineFailure of(Throwable cause) {
        if (cause instanceof PipelineFailure) return cause
        if (cause instanceof InterruptedException) return new Interruption('interrupted')
        new PipelineFailure(cause.toString())
    }
}

/**
 * An abort or an exceeded timeout. Jenkins calls it "actual" for the steps that are being interrupted; a timeout that has
 * passed the `timeout` step which set it is a plain failure for the steps around that one.
 */
class Interruption extends PipelineFailure {
    final Deadline deadline
    boolean actual = true

    Interruption(String message, Deadline deadline = null) {
        super(message, 'ABORTED')
        this.deadline = deadline
    }
}

/** When a `timeout` step interrupts its body; with `activity`, counted from the last line of log. */
class Deadline {
    final long length
    final boolean activity
    volatile long at

    Deadline(long length, boolean activity) {
        this.length = length
        this.activity = activity
        at = System.currentTimeMillis() + length
    }

    void noticeActivity() { if (activity) at = System.currentTimeMillis() + length }
}
