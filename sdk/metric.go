package sdk

// MetricPath in front of a counter's path makes a CounterRead read a metric of
// docs/metrics.md instead: the sum of its series, rounded. Label patterns choose
// among them, * stands for any text: metric:rejections_total{code="4*"}. What
// there is no metric for is an error, and so is any question before the server
// has started.
const MetricPath = "metric:"
