package sdk

import "testing"

// The numbers and descriptions are those of reference/logs.md, "Connection
// stages".
func TestDeliveryStages(t *testing.T) {
	for stage, want := range map[DeliveryStage]string{
		0: "while not connected", 1: "while idle", 5: "after RCPT TO", 8: "while sending BODY", 9: "reading confirmation", 12: "reading BANNER",
		15: "during STARTTLS", 17: "handshaking TLS", 20: "after XCLIENT", 21: "out of band bounce", StageUnknown: "in unknown state", 255: "in unknown state",
	} {
		if got := stage.String(); got != want {
			t.Errorf("%d is %q, want %q", stage, got, want)
		}
	}
}

func TestTLSUse(t *testing.T) {
	for use, want := range map[TLSUse]string{TLSUnknown: "unknown", TLSNone: "SMTP", TLSUsed: "TLS", 9: "unknown"} {
		if got := use.String(); got != want {
			t.Errorf("%d is %q, want %q", use, got, want)
		}
	}
}
