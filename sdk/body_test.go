package sdk

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPieces(t *testing.T) {
	pieces := []BodyPiece{{Offset: 2, Length: 3}, {Data: []byte("new")}, {Offset: 9, Length: 1}}
	got, err := DecodePieces(EncodePieces(pieces), 10)
	if diff := cmp.Diff(pieces, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for name, bad := range map[string][]BodyPiece{
		"backwards": {{Offset: 5, Length: 2}, {Offset: 6, Length: 2}}, "outside": {{Offset: 9, Length: 2}}, "far": {{Offset: 1 << 40, Length: 1}},
	} {
		if _, err := DecodePieces(EncodePieces(bad), 10); !errors.Is(err, ErrBadChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestApplyPieces(t *testing.T) {
	m := &Message{Body: Body{Size: 10, Handle: 7}}
	s := &State{Message: m}
	data := EncodePieces([]BodyPiece{{Offset: 0, Length: 4}, {Data: []byte("xy")}})
	if err := Apply(s, &Change{Kind: BodyPieces, Target: TargetTxn, Number: 8, Data: data}); !errors.Is(err, ErrBadChange) {
		t.Errorf("another's body: %v", err)
	}
	if err := Apply(s, &Change{Kind: BodyPieces, Target: TargetTxn, Number: 7, Data: data}); err != nil || m.Body.Size != 6 || m.Body.Base != 10 {
		t.Errorf("%+v, %v", m.Body, err)
	}
	r := BodyReader{Pieces: m.Body.All(), Read: func(offset, length int64) ([]byte, error) {
		return []byte("0123456789")[offset : offset+length], nil
	}}
	var out bytes.Buffer
	for {
		p, err := r.Next(3)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out.Write(p)
	}
	if out.String() != "0123xy" {
		t.Errorf("read %q", out.String())
	}
	if err := Apply(s, &Change{Kind: BodyPieces, Target: TargetTxn, Number: 7}); err != nil || m.Body.Size != 0 || !m.Body.Changed {
		t.Errorf("nothing left: %+v, %v", m.Body, err)
	}
	if err := Apply(s, &Change{Kind: BodyPieces, Target: TargetTxn, Number: 7, Data: data}); !errors.Is(err, ErrBadChange) {
		t.Errorf("a body of its own: %v", err)
	}
}

func FuzzDecodePieces(f *testing.F) {
	f.Add(EncodePieces([]BodyPiece{{Offset: 2, Length: 3}, {Data: []byte("new")}}), int64(10))
	f.Fuzz(func(t *testing.T, data []byte, base int64) {
		pieces, err := DecodePieces(data, max(base, 0))
		if err != nil {
			return
		}
		size := int64(0)
		for i := range pieces {
			size += pieces[i].Size()
		}
		if size > max(base, 0)+int64(len(data)) {
			t.Errorf("%d bytes of pieces of %d", size, base)
		}
	})
}
