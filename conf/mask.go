package conf

import (
	"strings"

	"github.com/mtad/mtad/sdk/credential"
	"github.com/mtad/mtad/sdk/option"
)

// Clear is a View for scripts, which get the secrets of a configuration, too.
type Clear struct{ View }

// Get is View.Get.
func (c Clear) Get(words []string) (string, error) { return c.get(words, forScripts) }

// Eval is View.Eval.
func (c Clear) Eval(words []string) (string, error) { return c.eval(words, forScripts) }

// shower makes of an option's value what may be seen of it.
type shower func(name string, value option.Value) option.Value

func forScripts(_ string, value option.Value) option.Value { return value }

func forPeople(name string, value option.Value) option.Value {
	return masked(credential.NewMasker(), name, value)
}

// masked hides a secret, and the passwords inside uris. What only names a
// secret, such as "%{password}", is none.
func masked(m *credential.Masker, name string, v option.Value) option.Value {
	switch {
	case v.Kind == option.KindList:
		v.List = append([]option.Value(nil), v.List...)
		for i := range v.List {
			v.List[i] = masked(m, name, v.List[i])
		}
	case v.Kind == option.KindDict:
		v.Dict = append([]option.Entry(nil), v.Dict...)
		for i := range v.Dict {
			v.Dict[i].Value = masked(m, v.Dict[i].Key, v.Dict[i].Value)
		}
	case v.Kind != option.KindString:
	case secret(name) && !strings.HasPrefix(v.Text, "%{"):
		v.Text = credential.Masked
	default:
		v.Text = m.URI(v.Text)
	}
	return v
}

// holdsSecret reports a line of a configuration that must not be quoted.
func holdsSecret(line string) bool {
	if credential.NewMasker().URI(line) != line {
		return true
	}
	name, value, assigned := strings.Cut(line, "=")
	return assigned && strings.ContainsRune(value, '"') && secret(strings.Trim(strings.TrimSpace(name), `"`))
}
