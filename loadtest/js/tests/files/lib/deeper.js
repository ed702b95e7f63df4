export const deeper = () => 0.5;
