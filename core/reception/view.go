package reception

import (
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// View is a queued message as policy sees it: its envelope and contexts, without
// its content (Lend).
func View(m *message.Message) *sdk.Message {
	status, _ := smtp.ParseReply(m.LastReply) // nil before the first attempt
	return &sdk.Message{
		ID: m.ID, BatchID: m.BatchID, ConnID: m.ConnID, Sender: m.Sender, Recipient: m.Recipient, Original: m.Recipient,
		Context: m.Context.Clone(), ConnContext: m.ConnContext.Clone(),
		Binding: m.Binding, BindingGroup: m.BindingGroup, RoutingDomain: m.RoutingDomain, Priority: int(m.Priority),
		Protocol: m.Protocol, RecvFrom: m.Peer, RecvVia: m.Local, Created: m.Received, Retries: m.Retries, Bounce: m.Bounce,
		Reply: status,
	}
}
