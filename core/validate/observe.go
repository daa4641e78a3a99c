package validate

import (
	"time"

	"github.com/mtad/mtad/sdk"
)

// observe tells whoever keeps metrics of a call.
func (v *Validator) observe(module string, took time.Duration, phases []sdk.Phase, ans *sdk.Answer, err error) {
	if v.Called != nil {
		v.Called(module, took, err != nil)
	}
	if v.Scripts == nil || err != nil {
		return
	}
	for i := range ans.Results {
		if times := ans.Results[i].Scripts; len(times) > 0 && i < len(phases) {
			v.Scripts(phases[i].Hook, times)
		}
	}
}
