package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Switch tells whether the flag stands without a value.
func (f *Flag) Switch() bool { return f.value.Kind() == reflect.Bool }

// set reads the value of a flag.
func (f *Flag) set(text string) error {
	values := []string{text}
	if f.value.Kind() == reflect.Slice {
		values = strings.Split(text, ",")
	}
	for _, value := range values {
		if f.Enum != nil && !slices.Contains(f.Enum, value) {
			return fmt.Errorf("it is one of %s, not %q", strings.Join(f.Enum, ", "), value)
		}
	}
	return setValue(f.value, text)
}

// setValue reads a text as a value of one of the kinds of flags.
func setValue(value reflect.Value, text string) error {
	if _, is := value.Interface().(time.Duration); is {
		span, err := time.ParseDuration(text)
		value.SetInt(int64(span))
		return because(err, text, "a span of time, as 90s or 1h30m")
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(text)
	case reflect.Bool:
		yes, err := strconv.ParseBool(text)
		value.SetBool(yes)
		return because(err, text, "true or false")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, value.Type().Bits())
		value.SetInt(n)
		return because(err, text, "a whole number")
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		value.SetFloat(x)
		return because(err, text, "a number")
	case reflect.Slice:
		value.Set(reflect.AppendSlice(value, reflect.ValueOf(strings.Split(text, ","))))
	default:
		return errors.New("flags of this kind are not read")
	}
	return nil
}

func because(err error, text, wanted string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q is not %s", text, wanted)
}

// many tells whether the argument takes all that are left.
func (a *Arg) many() bool { return a.value.Kind() == reflect.Slice }
