package rpc

import (
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

func timesToPB(list []sdk.ScriptTime) []*pb.ScriptTime {
	if len(list) == 0 {
		return nil
	}
	out := make([]*pb.ScriptTime, len(list))
	for i := range list {
		out[i] = &pb.ScriptTime{Script: wire(list[i].Script), Took: int64(list[i].Took), Failed: list[i].Failed}
	}
	return out
}

func (d *decoder) times(list []*pb.ScriptTime) []sdk.ScriptTime {
	if len(list) == 0 {
		return nil
	}
	out := make([]sdk.ScriptTime, len(list))
	for i, p := range list {
		out[i] = sdk.ScriptTime{Script: d.text(p.Script), Took: time.Duration(p.Took), Failed: p.Failed}
	}
	return out
}
