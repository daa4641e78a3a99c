package core

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// hookTime bounds what policy may take for a message that no client waits for:
// while it is queued, delivered, bounced or injected.
const hookTime = 10 * time.Second

// mailHooks asks modules about mail that is queued. A hook that nobody
// registered costs one look (validate.Validator.Wants); one that fails changes
// nothing, and the paniclog has said why.
type mailHooks struct {
	validator *validate.Validator
	lend      func(*message.Message) (*reception.Loan, error)
	log       *logHooks
	problem   func(string)
}

// ask runs one hook on a message. What it changed is in the view. nil where it
// failed.
func (h *mailHooks) ask(ctx context.Context, m *message.Message, loan *reception.Loan, p sdk.Phase) (*sdk.Message, *validate.Outcome) {
	return h.askWith(ctx, m, loan, nil, p)
}

// askWith is ask where the message has another reply than that of the attempt
// before; nil is none.
func (h *mailHooks) askWith(ctx context.Context, m *message.Message, loan *reception.Loan, said *smtp.Reply, p sdk.Phase) (*sdk.Message, *validate.Outcome) {
	view := reception.View(m)
	if said != nil {
		view.Reply = said
	}
	view.Header, view.Body = loan.Header, loan.Body
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	st := &sdk.State{Conn: validate.ConnOf(view), Message: view, Copies: []*sdk.Message{view}}
	if o := h.validator.Ask(ctx, st, p); !o.Failed {
		return view, o
	}
	return nil, nil
}

// loan is a message's content for a hook; an empty one where it cannot be read.
func (h *mailHooks) loan(m *message.Message) *reception.Loan {
	l, err := h.lend(m)
	if err != nil {
		h.problem("the content of " + m.ID + " cannot be read: " + err.Error())
		return &reception.Loan{}
	}
	return l
}

// asks says where settling a message runs hooks, its bounce's included
// (queue.Queue.Asks).
func (h *mailHooks) asks(v queue.Verdict) bool {
	if v == queue.TransientFailure {
		return h.validator.Wants(sdk.CorePreMailqMessageRequeue) || h.validator.Wants(sdk.CoreLogTransientFailure)
	}
	for _, hook := range [...]sdk.Hook{
		sdk.CoreLogPermanentFailure, sdk.CoreGenerateBounces, sdk.CorePostGenerateRFC3464Message, sdk.ValidateSetBinding, sdk.CorePostValidateSetBinding,
		sdk.CoreFinalValidation2, sdk.CoreFinalValidation, sdk.CorePostFinalValidation,
		sdk.CoreConfigGetMessageRoutingDomain, sdk.CoreECMessageEnqueue,
	} {
		if h.validator.Wants(hook) {
			return true
		}
	}
	return false
}

// attempting is core_log_attempt_v1.
func (h *mailHooks) attempting(m *message.Message) { h.log.message(sdk.CoreLogAttempt, m, "") }

// beforeRetry is core_pre_mailq_message_requeue.
func (h *mailHooks) beforeRetry(ctx context.Context, m *message.Message) {
	if !h.validator.Wants(sdk.CorePreMailqMessageRequeue) {
		return
	}
	loan := h.loan(m)
	defer loan.Close()
	view, _ := h.ask(ctx, m, loan, sdk.Phase{Hook: sdk.CorePreMailqMessageRequeue})
	if view != nil && !loan.Keep(m, view) {
		h.problem("message " + m.ID + ": core_pre_mailq_message_requeue cannot change a body; it stays as it was")
	}
}

// Generate is part of bounce.Policy: core_generate_bounces.
func (h *mailHooks) Generate(ctx context.Context, m *message.Message, enabled bool) bool {
	if !h.validator.Wants(sdk.CoreGenerateBounces) {
		return enabled
	}
	p := sdk.Phase{Hook: sdk.CoreGenerateBounces}
	if enabled {
		p.Number = 1
	}
	loan := h.loan(m)
	defer loan.Close()
	if _, o := h.ask(ctx, m, loan, p); o != nil {
		if a, ok := o.Answer(sdk.CoreGenerateBounces); ok {
			return a.Number != 0
		}
	}
	return enabled
}

// actionFailed is the action of a report on a failure (msys.core.FAILED).
const actionFailed = 0

// Generated is part of bounce.Policy: core_post_generate_rfc3464_message. The
// sender of a bounce stays null (RFC 3464 §2).
func (h *mailHooks) Generated(ctx context.Context, m *message.Message, in *sdk.Injection) {
	if !h.validator.Wants(sdk.CorePostGenerateRFC3464Message) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	loan := h.loan(m)
	defer loan.Close()
	original := reception.View(m)
	original.Header, original.Body = loan.Header, loan.Body
	report := &sdk.Message{
		Recipient: in.Recipients[0], Original: in.Recipients[0], Context: in.Context.Clone(),
		Header: in.Header, Body: in.Body, Protocol: sdk.ProtocolInternal, Created: time.Now(), Bounce: true,
	}
	st := &sdk.State{Conn: validate.ConnOf(report), Message: original, Copies: []*sdk.Message{report}}
	o := h.validator.Ask(ctx, st, sdk.Phase{Hook: sdk.CorePostGenerateRFC3464Message, Number: actionFailed})
	if o.Failed {
		return
	}
	in.Header, in.Body, in.Context = report.Header, report.Body, report.Context
	in.Recipients = []smtp.Address{report.Recipient}
}

// connected tells of an outbound connection that was made, or not
// (core_log_client_connection_*). The message of the state stands for the
// queue.
func (h *mailHooks) connected(lane queue.Lane, to netip.AddrPort, err error) {
	p := sdk.Phase{Hook: sdk.CoreLogConnectionSuccess}
	if err != nil {
		p = sdk.Phase{Hook: sdk.CoreLogConnectionFailure, Number: connectionError(err), Line: err.Error()}
	}
	if !h.validator.Wants(p.Hook) {
		return
	}
	h.log.offer(to.String(), func(ctx context.Context) {
		h.validator.Ask(ctx, &sdk.State{
			Conn:    sdk.Conn{Peer: to},
			Message: &sdk.Message{RoutingDomain: lane.Domain, Binding: lane.Binding, BindingGroup: lane.Group},
		}, p)
	}, func() {})
}

// connectionError is an error as the bits of sdk.ConnError*.
func connectionError(err error) int64 {
	bits := int64(sdk.ConnErrorConnect)
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		bits |= sdk.ConnErrorNetwork
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		bits |= sdk.ConnErrorBind
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		bits |= sdk.ConnErrorTimeout
	}
	return bits
}

// authPolicy is outbound_smtp_auth_config as delivery asks it.
type authPolicy struct{ h *mailHooks }

var errAuthPolicy = errors.New("outbound_smtp_auth_config failed")

// Wanted is part of delivery.AuthPolicy.
func (p authPolicy) Wanted() bool { return p.h.validator.Wants(sdk.OutboundSMTPAuthConfig) }

// Context is part of delivery.AuthPolicy.
func (p authPolicy) Context(ctx context.Context, m *message.Message) (sdk.Dict, error) {
	loan := p.h.loan(m)
	defer loan.Close()
	view, _ := p.h.ask(ctx, m, loan, sdk.Phase{Hook: sdk.OutboundSMTPAuthConfig})
	if view == nil {
		return nil, errAuthPolicy
	}
	return view.Context, nil
}

// failing is core_log_transient_failure_v1 and core_log_permanent_failure_v1. The
// code that they set is what is logged and what a bounce says, and the context
// stays with the message.
func (h *mailHooks) failing(ctx context.Context, v queue.Verdict, a *logs.Attempt) {
	hook := sdk.CoreLogTransientFailure
	if v == queue.PermanentFailure {
		hook = sdk.CoreLogPermanentFailure
	}
	if !h.validator.Wants(hook) {
		return
	}
	loan := h.loan(a.Message)
	defer loan.Close()
	said, _ := smtp.ParseReply(a.Reply)
	view, _ := h.askWith(ctx, a.Message, loan, said, attemptPhase(hook, a))
	if view == nil {
		return
	}
	a.Message.Context, a.Message.ConnContext = view.Context, view.ConnContext
	if view.Reply != nil && view.Reply != said {
		a.Reply = view.Reply.String()
	}
}
