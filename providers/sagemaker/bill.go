package sagemaker

import (
	"context"
	"time"

	"dreamlab/providers/bill"
)

var _ bill.Namer = (*driver)(nil)

// Bill hands over what the account's use of SageMaker cost, as [bill.Biller] says.
func (d *driver) Bill(ctx context.Context, from, to time.Time, each func(bill.Line) error) error {
	return d.bills.Bill(ctx, from, to, each)
}

// Named gives all one name, as [bill.Namer] says: AWS bills the hours of machines, such as
// "USE1-Host:ml.g5.2xlarge", and does not tell what ran on them.
func (*driver) Named(string, []string) string { return "all machines" }
